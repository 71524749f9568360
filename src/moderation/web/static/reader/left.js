/* How many characters are left near the end of what may be written. Part of the thread page, and of the widget, which the
 * server puts it into. `say` gets the number, below zero for too many, or null where there is room; and only once typing
 * rests, so that nobody has to hear it at every key.
 */
const countLeft = (input, most, say) => {
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const left = most - [...input.value].length;
      say(left < 200 ? left : null);
    }, 700);
  });
};
