// Search over the companies: by code, old code, name or earlier name. The list stands in
// companies.js, so that the page works from a disk, too.
"use strict";

const MOST = 12;
const home = new URL("../", document.currentScript.src);

// Full-width letters and digits, capitals and blanks are the reader's, not the company's.
const folded = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, "");

const ENTRIES = COMPANIES.map(([code, name, old, earlier, place]) => ({
  code, name, old, earlier, place,
  texts: [code, old, name, earlier].map(folded),
}));

// 0: one of the texts is what was typed; 1: one begins with it; 2: one holds it; 3: none does.
function rank(entry, wanted) {
  if (entry.texts.includes(wanted) || entry.texts[0] === `${wanted}.bj`) return 0;
  if (entry.texts.some((text) => text.startsWith(wanted))) return 1;
  return entry.texts.some((text) => text.includes(wanted)) ? 2 : 3;
}

function find(typed) {
  const wanted = folded(typed);
  if (!wanted) return [];
  const ranked = ENTRIES.map((entry) => [rank(entry, wanted), entry]).filter(([place]) => place < 3);
  return ranked.sort(([a], [b]) => a - b).map(([, entry]) => entry);
}

function node(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}

function hit({ code, name, old, earlier, place }) {
  const link = document.createElement("a");
  link.href = new URL(`company/${code.slice(0, 6)}.html`, home);
  const more = [place, old && filled(labels.hit_old, { code: old }), earlier && filled(labels.hit_earlier, { names: earlier })].filter(Boolean);
  link.append(node("strong", name), node("span", code), node("small", more.join("　")));
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function search(box) {
  const input = box.querySelector("input");
  const list = box.querySelector(".hits");
  const status = box.querySelector("[aria-live]");

  function close() {
    list.hidden = true;
  }

  function show() {
    const found = find(input.value);
    const typed = input.value.trim() !== "";
    const items = found.slice(0, MOST).map(hit);
    if (typed && !found.length) items.push(Object.assign(node("li", labels.no_hit), { className: "none" }));
    if (found.length > MOST) {
      items.push(Object.assign(node("li", filled(labels.more_hits, { count: found.length - MOST })), { className: "none" }));
    }
    list.replaceChildren(...items);
    list.hidden = !typed;
    status.textContent = typed ? (found.length ? filled(labels.found, { count: found.length }) : labels.no_hit) : "";
  }

  function step(by) {
    const stops = [input, ...list.querySelectorAll("a")];
    stops[stops.indexOf(document.activeElement) + by]?.focus();
  }

  input.addEventListener("input", show);
  input.addEventListener("focus", () => { if (input.value.trim()) show(); });
  box.addEventListener("focusout", ({ relatedTarget }) => { if (!box.contains(relatedTarget)) close(); });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Enter and the arrows belong to the input method
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) show();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && event.target === input) {
      list.querySelector("a")?.click();
    } else if (event.key === "Escape") {
      input.focus();
      close();
    }
  });
}

search(document.querySelector(".search"));
