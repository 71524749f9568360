// Draws the tables of the page of numbers as charts. A table says which of its columns belong together:
// data-charts="Title: column, column; …". The tables stay, folded, for those who read them.

import { _ } from "./words.js";

const colours = () => {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { series: [of("--accent"), of("--mark-edge")], grid: of("--line"), text: of("--soft") };
};

const element = (name, className, text) => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
};

const read = (table) => {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  return {
    names: [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim()),
    labels: rows.map((row) => row[0].textContent.trim()),
    column: (at) => rows.map((row) => (row[at].dataset.value ? Number(row[at].dataset.value) : null)),
  };
};

const WHOLE = [1, 10, 100, 1000, 10_000, 100_000].flatMap((size) => [1, 2, 5].map((step) => step * size)); // no half comments

const options = (title, names, labels, bars, width, height) => {
  const { series, grid, text } = colours();
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: (plot, low, high) => [low - 0.5, high + 0.5] }, y: { range: (plot, low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis, space: 70, incrs: [1, 2, 3, 6, 7, 14, 28], values: (plot, marks) => marks.map((mark) => labels[mark] ?? "") },
      { ...axis, size: 56, incrs: WHOLE },
    ],
    series: [
      {},
      ...names.map((label, at) => ({
        label,
        stroke: series[at],
        width: 2,
        dash: at && !bars ? [6, 4] : undefined,
        points: { show: !bars && labels.length < 40, size: 5 },
        paths: bars ? uPlot.paths.bars({ size: [0.4, 40], align: at ? 1 : -1 }) : undefined,
        fill: bars ? series[at] : undefined,
      })),
    ],
  };
};

const draw = (table, title, columns) => {
  const { names, labels, column } = read(table);
  const shown = columns.map((at) => names[at]);
  const figure = element("figure", "chart", "");
  const isSaid = table.closest("section").querySelector("h2").textContent === title;
  const caption = element("figcaption", "", isSaid ? "" : title);
  if (columns.length > 1) shown.forEach((name, at) => caption.append(element("span", at ? "series second" : "series", name)));
  const plot = element("div", "plot", "");
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", _("Chart: {title}. The table below holds the numbers.", { title }));
  figure.append(caption, plot);
  const data = [labels.map((_, at) => at), ...columns.map(column)];
  let chart;
  const redraw = () => {
    chart?.destroy();
    chart = new uPlot(options(title, shown, labels, "bars" in table.dataset, plot.clientWidth, plot.clientHeight), data, plot);
  };
  return { figure, redraw, fit: () => chart?.setSize({ width: plot.clientWidth, height: plot.clientHeight }) };
};

for (const table of document.querySelectorAll("table[data-charts]")) {
  const fold = table.closest("details");
  const charts = table.dataset.charts.split(";").map((each) => {
    const [, title, columns] = each.trim().match(/^(.*): ([\d, ]+)$/);
    return draw(table, title, columns.split(",").map(Number));
  });
  const place = element("div", "charts", "");
  place.append(...charts.map((chart) => chart.figure));
  fold.before(place);
  fold.open = false;
  charts.forEach((chart) => chart.redraw());
  new ResizeObserver(() => charts.forEach((chart) => chart.fit())).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((chart) => chart.redraw()));
}
