// Gallery and bin: choosing by click, shift and keyboard; pictures that leave and come back; new ones that arrive.

const form = document.querySelector("[data-gallery]");
const grid = form.querySelector("[data-tiles]");
const emptyState = document.querySelector("[data-empty]");
const counter = form.querySelector("[data-selection-count]");
const comparison = form.querySelector("[data-compare-chosen]");

const tiles = () => [...grid.querySelectorAll(".tile:not([hidden])")];
const boxOf = (tile) => tile.querySelector('input[name="ids"]');
const linkOf = (tile) => tile.querySelector(".tile-link");
const chosen = () => tiles().filter((tile) => boxOf(tile).checked);
let anchor = null;

// Choosing.

function count() {
  const size = chosen().length;
  if (counter) counter.textContent = size === 1 ? counter.dataset.one : counter.dataset.many.replace("{n}", size);
  offerComparison();
}

// Two can be compared; the older one is what the other is held against.
function offerComparison() {
  if (!comparison) return;
  const [second, first, more] = chosen();
  comparison.hidden = !first || Boolean(more);
  if (!comparison.hidden) comparison.search = new URLSearchParams({ a: first.dataset.tile, b: second.dataset.tile });
}

function choose(tile, isChosen) {
  boxOf(tile).checked = isChosen;
  anchor = tile;
  count();
}

function chooseRange(tile) {
  const all = tiles();
  const [from, to] = [all.indexOf(anchor), all.indexOf(tile)].sort((a, b) => a - b);
  for (const between of all.slice(from, to + 1)) boxOf(between).checked = true;
  count();
}

function chooseNone() {
  for (const tile of chosen()) boxOf(tile).checked = false;
  count();
}

form.addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile || event.target.closest("button")) return;
  const wantsRange = event.shiftKey && anchor?.isConnected && anchor !== tile;
  if (event.target.closest(".tile-link")) {
    // Once something is chosen, or with a modifier, a picture is chosen rather than opened.
    if (event.metaKey || event.ctrlKey || event.button !== 0 || !(event.shiftKey || chosen().length)) return;
    event.preventDefault();
    if (wantsRange) chooseRange(tile);
    else choose(tile, !boxOf(tile).checked);
  } else if (event.target === boxOf(tile)) {
    if (wantsRange) chooseRange(tile);
    anchor = tile;
    count();
  }
});
form.addEventListener("reset", (event) => { event.preventDefault(); chooseNone(); });

// Keyboard: arrows walk the pictures, x chooses, Escape lets go.

function above(tile, isDown) {
  const here = tile.getBoundingClientRect();
  const middle = (here.left + here.right) / 2;
  let best = null;
  for (const other of tiles()) {
    const box = other.getBoundingClientRect();
    const gap = isDown ? box.top - here.top : here.top - box.top;
    if (gap < 4) continue;
    const score = gap * 10 + Math.abs((box.left + box.right) / 2 - middle);
    if (!best || score < best.score) best = { tile: other, score };
  }
  return best?.tile;
}

function neighbour(tile, key) {
  if (key === "ArrowUp" || key === "ArrowDown") return above(tile, key === "ArrowDown");
  const all = tiles();
  const isOnward = (key === "ArrowRight") === (document.dir !== "rtl");
  return all[all.indexOf(tile) + (isOnward ? 1 : -1)];
}

form.addEventListener("keydown", (event) => {
  const tile = event.target.closest(".tile");
  if (event.key === "Escape" && chosen().length) {
    chooseNone();
    return;
  }
  if (!tile || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key.startsWith("Arrow")) {
    const next = neighbour(tile, event.key);
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey) {
      choose(tile, true);
      choose(next, true);
    }
    linkOf(next).focus();
  } else if (event.key === "x") {
    event.preventDefault();
    choose(tile, !boxOf(tile).checked);
  }
});

// Leaving and coming back: a tile is hidden rather than removed, so that Undo puts it where it was.

function show(ids, isShown) {
  const moved = ids.map((id) => document.getElementById(`tile-${id}`)).filter(Boolean);
  const all = tiles();
  const next = isShown ? null : all.slice(all.indexOf(moved[0]) + 1).find((tile) => !moved.includes(tile));
  const hadFocus = form.contains(document.activeElement);
  for (const tile of moved) {
    boxOf(tile).checked = false;
    tile.hidden = !isShown;
  }
  count();
  emptyState.hidden = tiles().length > 0 || Boolean(grid.querySelector("[data-more]"));
  if (hadFocus && moved.length) (next ? linkOf(next) : form).focus({ preventScroll: true });
}

const isBin = form.classList.contains("is-bin");
document.addEventListener("gallery:left", (event) => show(event.detail.ids, isBin));
document.addEventListener("gallery:back", (event) => show(event.detail.ids, !isBin));

// What was made meanwhile comes in at the top; the browser keeps the place of whoever scrolled down.

document.addEventListener("live:asset", ({ detail }) => {
  if (isBin || !form.dataset.isNewest || document.getElementById(`tile-${detail.id}`)) return;
  const marker = grid.querySelector("[data-newer]");
  if (marker) marker.dispatchEvent(new CustomEvent("live:refresh", { bubbles: true }));
  else location.reload();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest?.("[data-tiles]")) emptyState.hidden = tiles().length > 0;
});

count();
