/* Proof of work in ALTCHA's format: finds the number for which SHA-256 of the salt and it is the challenge, a stretch at a
 * time, so that the page stays quick. Part of the thread page, and of the widget, which the server puts it into.
 */
const solveChallenge = async ({ algorithm, challenge, salt, signature, maxnumber }) => {
  const STRETCH = 500;
  const text = new TextEncoder();
  const wanted = challenge.match(/../g).map((pair) => parseInt(pair, 16));
  for (let from = 0; from <= maxnumber; from += STRETCH) {
    const tries = Array.from({ length: STRETCH }, (_, at) => crypto.subtle.digest("SHA-256", text.encode(salt + (from + at))));
    const sums = await Promise.all(tries);
    const at = sums.findIndex((sum) => new Uint8Array(sum).every((byte, place) => byte === wanted[place]));
    if (at >= 0) return btoa(JSON.stringify({ algorithm, challenge, number: from + at, salt, signature }));
    await new Promise((go) => setTimeout(go));
  }
  throw new Error("no number fits");
};

/* A solution for each comment: begun when the reader comes to the form, and anew where that was long ago. `challenge`
 * brings one, `tell` is told "working", "done" or "failed". Without a solution the comment goes all the same.
 */
const proofOfWork = (challenge, tell) => {
  const FRESH = 600000; // milliseconds; the server takes solutions for longer
  let solution = null;
  let begun = 0;
  const solve = async () => {
    tell("working");
    try {
      const found = await solveChallenge(await challenge());
      tell("done");
      return found;
    } catch {
      tell("failed");
      solution = null;
      return undefined;
    }
  };
  return {
    begin() {
      if (!solution || Date.now() - begun > FRESH) {
        begun = Date.now();
        solution = solve();
      }
      return solution;
    },
    spend() {
      solution = null;
    },
  };
};
