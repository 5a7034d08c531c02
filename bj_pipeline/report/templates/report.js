// What the page can do beyond being read: themes, contents that follow the reader, tables that sort
// and filter, and the origin of each number. Without this script all content is still there.
"use strict";

const root = document.documentElement;
const labels = JSON.parse(root.dataset.labels);
const night = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(width < 64rem)");

// A label with its places filled in.
const filled = (label, values) => label.replace(/{(\w+)}/g, (_, place) => values[place]);

// Storage may be forbidden (private windows, files opened from disk); then the choice lasts a visit.
const stored = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* see above */ } },
};

// Before the first paint, so that the page does not flash.
if (stored.get("theme")) root.dataset.theme = stored.get("theme");
root.classList.add("enhanced");

function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

// ---------------------------------------------------------------- theme

function themeButton() {
  const button = document.querySelector(".theme");
  const isDark = () => (root.dataset.theme ?? (night.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored.set("theme", root.dataset.theme);
    show();
  });
  night.addEventListener("change", show);
  button.hidden = false;
  show();
}

// ---------------------------------------------------------------- contents

function contentsThatFollow() {
  const panel = document.querySelector(".contents .panel");
  const here = panel.querySelector(".here");
  const links = [...panel.querySelectorAll(".parts a")];
  const headings = links.map((link) => document.getElementById(link.hash.slice(1)) ??
    document.getElementById(decodeURIComponent(link.hash.slice(1))));
  let current = null;

  function follow() {
    const line = innerHeight * 0.3;
    const atEnd = scrollY > 0 && scrollY + innerHeight >= root.scrollHeight - 2;
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top <= line).length;
    const link = links[atEnd ? links.length - 1 : Math.max(0, passed - 1)];
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    here.textContent = link.textContent;
    current = link;
    if (!narrow.matches) keepInSight(panel.parentElement, link);
  }

  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; follow(); });
  }, { passive: true });

  const fold = () => { panel.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  panel.addEventListener("click", (event) => { if (event.target.closest("a")) fold(); });
  fold();
  follow();
}

// scrollIntoView would move the page as well.
function keepInSight(box, child) {
  const outer = box.getBoundingClientRect();
  const inner = child.getBoundingClientRect();
  if (inner.top < outer.top) box.scrollTop += inner.top - outer.top;
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
}

// ---------------------------------------------------------------- tables

const LOSS = "亏损";
const MISSING = new Set(["", "—"]);
const NUMBER = /^[+-]?[\d,]*\.?\d+(X|%)?$/;
const collator = new Intl.Collator("zh-CN", { numeric: true });

// Without the arrow that says which way a number went.
const cellText = (row, at) => row.cells[at].textContent.replace(/[▲▼－]\s*$/, "").trim();

function numberIn(text) {
  if (text === LOSS) return -Infinity;
  return NUMBER.test(text) ? parseFloat(text.replaceAll(",", "")) : NaN;
}

// Missing values stand last whichever way a table is sorted; a loss is below every number.
function comparison(rows, at, direction) {
  const known = rows.map((row) => cellText(row, at)).filter((text) => !MISSING.has(text));
  const numeric = known.every((text) => !Number.isNaN(numberIn(text)));
  const compare = numeric
    ? (a, b) => Math.sign(numberIn(a) - numberIn(b)) || 0
    : collator.compare;
  return (first, second) => {
    const [a, b] = [cellText(first, at), cellText(second, at)];
    const missing = MISSING.has(a) - MISSING.has(b);
    return missing || direction * compare(a, b);
  };
}

function sortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  for (const header of table.tHead.querySelectorAll("th")) {
    const button = element("button", { type: "button" }, ...header.childNodes);
    header.append(button);
    // Readers look for the largest number and for the first word.
    const ways = header.classList.contains("right")
      ? ["descending", "ascending", null] : ["ascending", "descending", null];
    button.addEventListener("click", () => {
      const way = ways[(ways.indexOf(header.getAttribute("aria-sort")) + 1) % ways.length];
      for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
      if (way) header.setAttribute("aria-sort", way);
      const direction = way === "ascending" ? 1 : -1;
      const order = way
        ? original.toSorted(comparison(original, header.cellIndex, direction)) : original;
      body.append(...order);
    });
  }
}

const FILTER_FROM = 11;

function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < FILTER_FROM) return;
  const input = element("input", { type: "search", autocomplete: "off" });
  const count = element("output");
  const show = () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = filled(wanted ? labels.rows_shown : labels.rows, { shown, rows: rows.length });
    settleStop(table);
  };
  input.addEventListener("input", show);
  const label = element("label", {}, labels.filter, input);
  table.closest(".scroll").before(element("div", { className: "filter" }, label, count));
  show();
}

// A box is a stop of the keyboard only while there is something to scroll.
function scrollBoxes() {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll(".scroll")) observer.observe(box);
}

// ---------------------------------------------------------------- one stop a table or paragraph

const ITEM = ".fact, .data th button";
const GROUP = "table, ul, ol, p";
const visible = (node) => node.closest("[hidden]") === null;
const itemsOf = (group) => [...group.querySelectorAll(ITEM)].filter(visible);

function settleStop(group, wanted = null) {
  const all = [...group.querySelectorAll(ITEM)];
  const stop = wanted ?? all.find((item) => item.tabIndex === 0 && visible(item)) ?? all.find(visible);
  for (const item of all) item.tabIndex = item === stop ? 0 : -1;
}

function step(item, key) {
  const group = item.closest(GROUP);
  const rows = group.matches("table") && [...group.rows].filter(visible);
  const items = rows ? [...item.closest("tr").querySelectorAll(ITEM)] : itemsOf(group);
  const at = items.indexOf(item);
  if (key === "Home") return items[0];
  if (key === "End") return items.at(-1);
  if (!rows || key === "ArrowLeft" || key === "ArrowRight") {
    return items[at + (key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1)];
  }
  const column = item.closest("th, td").cellIndex;
  const others = rows.map((row) => row.cells[column]?.querySelector(ITEM)).filter(Boolean);
  return others[others.indexOf(item) + (key === "ArrowUp" ? -1 : 1)];
}

const KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

function arrowKeys() {
  for (const group of new Set([...document.querySelectorAll(ITEM)].map((item) => item.closest(GROUP)))) {
    settleStop(group);
  }
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches(ITEM)) settleStop(target.closest(GROUP), target);
  });
  document.addEventListener("keydown", (event) => {
    const item = event.target.closest?.(ITEM);
    if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && item.matches(".fact")) return goToOrigin(item.dataset.fact);
    if (!KEYS.has(event.key)) return;
    event.preventDefault();
    step(item, event.key)?.focus();
  });
}

// ---------------------------------------------------------------- where a number came from

const origins = new Map();
let tip = null;
let described = null;
let shownAt = null;
let hiding = 0;

function goToOrigin(fact) {
  const row = origins.get(fact);
  if (!row) return;
  hideOrigin();
  row.hidden = false;
  row.closest("details").open = true;
  history.pushState(null, "", `#${row.id}`);
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "center" });
}

// The labels are the header of the table of origins: one wording for both.
function originList(fact) {
  const list = element("dl");
  const add = (term, text) => {
    if (text) list.append(element("dt", { textContent: term }), element("dd", { textContent: text }));
  };
  const row = origins.get(fact);
  if (row) {
    const header = row.closest("table").tHead.rows[0];
    for (const cell of row.querySelectorAll("td")) add(cellText(header, cell.cellIndex), cell.textContent);
  }
  return list;
}

function showOrigin(anchor, target, fact, title) {
  clearTimeout(hiding);
  const source = anchor.closest(".exhibit")?.querySelector(".source")?.textContent;
  const keys = anchor.matches(".fact") && anchor === document.activeElement;
  tip.replaceChildren(
    ...(title ? [element("p", { textContent: title })] : []),
    originList(fact),
    ...(source ? [element("p", { className: "keys", textContent: source })] : []),
    ...(keys ? [element("p", { className: "keys", textContent: labels.tip_keys })] : []),
  );
  tip.hidden = false;
  shownAt = target;
  place();
  described?.removeAttribute("aria-describedby");
  described = anchor;
  described.setAttribute("aria-describedby", tip.id);
}

function hideOrigin() {
  clearTimeout(hiding);
  tip.hidden = true;
  described?.removeAttribute("aria-describedby");
  described = null;
  for (const mark of document.querySelectorAll(".chart .active")) mark.classList.remove("active");
}

// Time enough to move the pointer onto the note itself.
const hideSoon = () => { clearTimeout(hiding); hiding = setTimeout(hideOrigin, 200); };

function place() {
  const gap = 8;
  const box = shownAt.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = tip;
  const below = box.bottom + gap;
  const top = below + height + gap <= innerHeight ? below : Math.max(gap, box.top - gap - height);
  const left = Math.min(Math.max(gap, box.left + box.width / 2 - width / 2), innerWidth - width - gap);
  tip.style.top = `${top}px`;
  tip.style.left = `${left}px`;
}

function originsOfNumbers() {
  tip = document.getElementById("origin");
  for (const row of document.querySelectorAll("[data-origin]")) origins.set(row.dataset.origin, row);
  const show = (fact) => showOrigin(fact, fact, fact.dataset.fact);
  const factAt = (event) => event.target.closest?.(".fact");
  document.addEventListener("pointerover", (event) => { if (factAt(event)) show(factAt(event)); });
  document.addEventListener("pointerout", (event) => { if (factAt(event)) hideSoon(); });
  document.addEventListener("focusin", (event) => { if (factAt(event)) show(factAt(event)); });
  document.addEventListener("focusout", (event) => { if (factAt(event)) hideSoon(); });
  // A tap gives no focus in every browser.
  document.addEventListener("click", (event) => { factAt(event)?.focus({ preventScroll: true }); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideOrigin(); });
  tip.addEventListener("pointerenter", () => clearTimeout(hiding));
  tip.addEventListener("pointerleave", hideSoon);
  // Boxes inside the page scroll as well, and their events do not bubble.
  addEventListener("scroll", () => { if (!tip.hidden) place(); }, { passive: true, capture: true });
}

// ---------------------------------------------------------------- values of charts

const NEAR = 28;

function distance(box, x, y) {
  const across = Math.max(box.left - x, 0, x - box.right);
  const down = Math.max(box.top - y, 0, y - box.bottom);
  return Math.hypot(across, down);
}

function chartValues(chart) {
  const marks = [...chart.querySelectorAll("[data-label]")];
  if (!marks.length) return;
  const live = document.getElementById("announcement");
  let at = -1;

  function show(next, aloud) {
    marks[at]?.classList.remove("active");
    at = next;
    const mark = marks[at];
    mark.classList.add("active");
    if (aloud) mark.scrollIntoView({ block: "nearest", inline: "nearest" });
    showOrigin(chart, mark, mark.dataset.originOf, mark.dataset.label);
    if (aloud) live.textContent = mark.dataset.label;
  }

  chart.addEventListener("pointermove", ({ clientX, clientY }) => {
    const distances = marks.map((mark) => distance(mark.getBoundingClientRect(), clientX, clientY));
    const nearest = Math.min(...distances);
    if (nearest <= NEAR) show(distances.indexOf(nearest), false);
    else hideSoon();
  });
  chart.addEventListener("pointerleave", hideSoon);
  chart.addEventListener("focus", () => { if (chart.matches(":focus-visible")) show(Math.max(at, 0), false); });
  chart.addEventListener("blur", hideOrigin);
  chart.addEventListener("keydown", (event) => {
    if (!KEYS.has(event.key)) return;
    event.preventDefault();
    const last = marks.length - 1;
    const back = event.key === "ArrowLeft" || event.key === "ArrowUp";
    if (event.key === "Home") show(0, true);
    else if (event.key === "End") show(last, true);
    else show(Math.min(last, Math.max(0, at + (back ? -1 : 1))), true);
  });
}

document.addEventListener("DOMContentLoaded", () => {
  themeButton();
  contentsThatFollow();
  originsOfNumbers();
  for (const table of document.querySelectorAll("table.data:not(.values table)")) {
    sortable(table);
    filterable(table);
  }
  scrollBoxes();
  arrowKeys();
  for (const chart of document.querySelectorAll(".chart")) chartValues(chart);
});
