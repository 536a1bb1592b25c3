"use strict";
(() => {
  const read = (node) => JSON.parse(node.textContent);
  const byId = (id) => document.getElementById(id);
  const views = new Map();

  /* Figures: drawn one after the other, as wide as there is room. */

  function sizes(div) {
    const width = Math.max(240, Math.floor(div.clientWidth));
    const shape = div.dataset.shape;
    if (shape === "grid") {
      const columns = Math.max(2, Math.min(6, Math.floor(width / 190)));
      const panel = Math.floor((width - 50) / columns - 20);
      return { columns, child_width: panel, child_height: panel };
    }
    if (shape === "square") return { width, height: width };
    if (shape !== "matrix") return { width, height: Number(div.dataset.height) };
    const rows = Number(div.dataset.height);
    const cell = Math.max(15, Math.min(44, Math.floor((width - 120) / rows)));
    return { width: Math.max(width, 120 + 15 * rows), height: rows * cell + 24 };
  }

  function fit(div, view) {
    const wanted = { room: div.clientWidth, ...sizes(div) };
    const known = view.getState({ signals: () => true, data: () => false }).signals;
    for (const [name, value] of Object.entries(wanted)) {
      if (name === "width") view.width(value);
      else if (name === "height") view.height(value);
      else if (name in known) view.signal(name, value);
    }
    return view.runAsync();
  }

  async function draw(div) {
    const spec = read(document.querySelector(`script[data-spec="${div.dataset.chart}"]`));
    const { view } = await vegaEmbed(div, spec, {
      mode: "vega",
      // Expressions are interpreted: the page may forbid making code of text.
      ast: true,
      renderer: "svg",
      actions: false,
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    });
    // Vega offers itself to screen readers; the alt text and the tables are better.
    div.querySelector("svg").setAttribute("aria-hidden", "true");
    views.set(div.dataset.chart, view);
    await fit(div, view);
    let width = div.clientWidth;
    new ResizeObserver(() => {
      // On paper the drawing shrinks as it is; there is no time to draw anew.
      if (div.clientWidth === width || matchMedia("print").matches) return;
      width = div.clientWidth;
      fit(div, view);
    }).observe(div);
    return view;
  }

  /* Legends: checkboxes, so that a mouse, a finger and a keyboard switch curves alike. */

  const legends = [...document.querySelectorAll("[data-legend]")];
  const boxes = (legend) => [...legend.querySelectorAll("input[type=checkbox]")];
  const checked = () => boxes(legends[0]).filter((box) => box.checked).map((box) => box.value);

  function signal(name, value) {
    for (const legend of legends) views.get(legend.dataset.legend)?.signal(name, value).runAsync();
  }

  function banded() {
    const choice = document.querySelector("[data-band]")?.value;
    views.get("roc")?.signal("banded", choice === "*" ? checked() : [choice]).runAsync();
  }

  function show(names) {
    for (const box of legends.flatMap(boxes)) box.checked = names.has(box.value);
    signal("shown", checked());
    if (document.querySelector("[data-band]")) banded();
  }

  function listen(legend) {
    legend.addEventListener("change", (event) => {
      if (event.target.type !== "checkbox") return banded();
      show(new Set(boxes(legend).filter((box) => box.checked).map((box) => box.value)));
    });
    for (const box of boxes(legend)) {
      const label = box.closest("label");
      for (const on of ["focusin", "pointerenter"]) {
        label.addEventListener(on, () => signal("lit", box.value));
      }
      for (const off of ["focusout", "pointerleave"]) {
        label.addEventListener(off, () => signal("lit", ""));
      }
    }
    for (const button of legend.querySelectorAll("[data-switch]")) {
      const all = button.dataset.switch === "all" ? boxes(legend).map((box) => box.value) : [];
      button.addEventListener("click", () => show(new Set(all)));
    }
  }

  /* The slider: the same sums as tlbench.stats makes, in the same order. */

  // As Python writes it: a half, which only sixteenths have exactly, goes to the even digit.
  function write(x) {
    if (x === null) return "–";
    const sixteenths = x * 16;
    if (!Number.isInteger(sixteenths) || sixteenths % 2 === 0) return x.toFixed(3);
    const below = Math.floor(x * 1000);
    return ((below % 2 === 0 ? below : below + 1) / 1000).toFixed(3);
  }

  const NOTHING = { value: null, low: null, high: null };

  function wilson(k, n, size, z) {
    if (n === 0) return NOTHING;
    const p = k / n;
    const shrink = 1 + (z * z) / size;
    const centre = (p + (z * z) / (2 * size)) / shrink;
    const half = (z * Math.sqrt((p * (1 - p)) / size + (z * z) / (4 * size * size))) / shrink;
    return {
      value: p,
      low: k === 0 ? 0 : Math.max(0, centre - half),
      high: k === n ? 1 : Math.min(1, centre + half),
    };
  }

  const share = (odds) => (odds === Infinity ? 1 : odds / (1 + odds));

  // MOVER, as tlbench.stats.predictive_value.
  function predictive(right, other, odds) {
    const wrong = { value: 1 - other.value, low: 1 - other.high, high: 1 - other.low };
    if (right.value === 0 && wrong.value === 0) return NOTHING;
    const part = (x, limit) => limit * (2 * x.value - limit);
    const product = right.value * wrong.value;
    const root = (a, b) => product + Math.sqrt(Math.max(0, product * product - a * b));
    const least = part(right, right.low);
    const reach = root(least, part(wrong, wrong.high));
    const below = part(wrong, wrong.low);
    const low = reach > 0 ? least / reach : 0;
    const high = below > 0 ? root(part(right, right.high), below) / below : Infinity;
    const value = (odds * right.value) / (odds * right.value + wrong.value);
    return {
      value,
      low: Math.min(share(odds * low), value),
      high: Math.max(share(odds * high), value),
    };
  }

  // `prevalence` is null for the hold-out's own, where predictive values can be counted.
  function measure(one, stop, prevalence, z) {
    const [tp, fp] = [one.tp[stop], one.fp[stop]];
    const [fn, tn] = [one.positives - tp, one.negatives - fp];
    const rate = (name, k, n) => wilson(k, n, one.sizes ? one.sizes[name][stop] : n, z);
    const sensitivity = rate("sensitivity", tp, tp + fn);
    const specificity = rate("specificity", tn, tn + fp);
    let [ppv, npv] = [NOTHING, NOTHING];
    if (prevalence === null) {
      [ppv, npv] = [rate("ppv", tp, tp + fp), rate("npv", tn, tn + fn)];
    } else if (prevalence > 0 && prevalence < 1) {
      const odds = prevalence / (1 - prevalence);
      ppv = predictive(sensitivity, specificity, odds);
      npv = predictive(specificity, sensitivity, 1 / odds);
    }
    return { counts: { tp, fp, fn, tn }, rates: { sensitivity, specificity, ppv, npv } };
  }

  function slide(section) {
    let view;
    const { z, backbones } = read(byId("cutoff-data"));
    const [choice, range, input] = ["cutoff-backbone", "cutoff-range", "prevalence"].map(byId);
    const live = byId("cutoff-live");
    let waiting;

    function prevalence() {
      if (input.value === "") return NaN;
      // The hold-out's own, which the page writes with four digits.
      const own = Number(Number(input.value).toPrecision(4)) === Number(input.defaultValue);
      return own ? null : Number(input.value) / 100;
    }

    function update(spoken = true) {
      const one = backbones[Number(choice.value)];
      const stop = Number(range.value);
      const cutoff = one.cutoffs[stop];
      const given = prevalence();
      const found = measure(one, stop, given, z);
      input.setAttribute("aria-invalid", String(given !== null && !(given > 0 && given < 1)));
      const words = cutoff === null ? "nobody" : String(Number(cutoff.toPrecision(4)));
      for (const [name, rate] of Object.entries(found.rates)) {
        const cell = section.querySelector(`[data-rate="${name}"]`);
        cell.querySelector(".figure-value").textContent = write(rate.value);
        cell.querySelector(".figure-limits").textContent =
          rate.value === null ? "" : `${write(rate.low)}–${write(rate.high)}`;
      }
      for (const [name, count] of Object.entries(found.counts)) {
        section.querySelector(`[data-count="${name}"]`).textContent = count;
      }
      byId("cutoff-name").textContent = one.name;
      byId("cutoff-value").textContent = words;
      byId("cutoff-kind").textContent = stop === one.start ? "the chosen cut-off" : "";
      byId("cutoff-command").hidden = cutoff === null;
      byId("cutoff-exact").textContent = cutoff === null ? "" : `--cutoff ${cutoff}`;
      const { sensitivity, specificity } = found.rates;
      const spokenRates = `sensitivity ${write(sensitivity.value)}, specificity ${write(specificity.value)}`;
      range.setAttribute("aria-valuetext", `cut-off ${words}: ${spokenRates}`);
      view?.signal("at", [1 - specificity.value, sensitivity.value]).runAsync();
      clearTimeout(waiting);
      if (!spoken) return;
      const predictiveValues = `PPV ${write(found.rates.ppv.value)}, NPV ${write(found.rates.npv.value)}`;
      waiting = setTimeout(() => {
        live.textContent = `${one.name}, cut-off ${words}: ${spokenRates}, ${predictiveValues}.`;
      }, 500);
    }

    function trace() {
      const one = backbones[Number(choice.value)];
      view?.data("curve", one.curve.map(([x, y], i) => ({ x, y, i })));
      view?.data("band", one.band.map(([x, low, high]) => ({ x, low, high })));
    }

    function choose(spoken) {
      const one = backbones[Number(choice.value)];
      range.max = one.cutoffs.length - 1;
      range.value = one.start;
      trace();
      update(spoken);
    }

    choice.addEventListener("change", () => choose(true));
    range.addEventListener("input", () => update());
    input.addEventListener("input", () => update());
    byId("cutoff-reset").addEventListener("click", () => {
      range.value = backbones[Number(choice.value)].start;
      update();
    });
    choose(false);
    return (drawn) => {
      view = drawn;
      trace();
      update(false);
    };
  }

  async function start() {
    legends.forEach(listen);
    const section = byId("cutoff");
    // The numbers work at once, and whatever happens to the drawings.
    const attach = slide(section);
    for (const div of document.querySelectorAll("[data-chart]")) {
      try {
        const view = await draw(div);
        if (div.dataset.chart === "cutoff") attach(view);
      } catch (error) {
        console.error(error);
        div.textContent = "This figure could not be drawn; its numbers are in the tables.";
      }
    }
    if (legends.length) show(new Set(checked()));
    document.documentElement.dataset.drawn = "true";
  }

  start();
})();
