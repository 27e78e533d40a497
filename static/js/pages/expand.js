// The frame around a picture that is to grow: pulled by its four sides, set by presets or by the number fields, which
// are what is sent. Without this file the number fields remain.

const SIDES = ["left", "right", "top", "bottom"];
const FILL = 0.84;
const GRAIN = 8;
const STEP = 16;
const KEYS = {
  left: { ArrowLeft: 1, ArrowRight: -1 },
  right: { ArrowRight: 1, ArrowLeft: -1 },
  top: { ArrowUp: 1, ArrowDown: -1 },
  bottom: { ArrowDown: 1, ArrowUp: -1 },
};
const NAMED = [[1, 1], [16, 9], [9, 16], [21, 9], [4, 3], [3, 4], [3, 2], [2, 3], [2, 1], [1, 2]];

const box = () => document.getElementById("expand");
const stage = () => box().querySelector("[data-expand-stage]");
const field = (side) => document.getElementById(`id_${side}`);
const handle = (side) => document.getElementById(`handle-${side}`);
const limit = () => Number(field("right").max);

let source = null;
let drag = null;
// Pixels of the page for one of the picture, and where the picture's corner lies on the stage.
let view = { scale: 1, x: 0, y: 0 };

const sides = () => Object.fromEntries(SIDES.map((side) => [side, Math.max(0, Math.round(Number(field(side).value)) || 0)]));

function ratioOf(width, height) {
  const named = NAMED.find(([w, h]) => Math.abs(width / height / (w / h) - 1) < 0.015);
  if (named) return named.join(":");
  return width >= height ? `${(width / height).toFixed(2)}:1` : `1:${(height / width).toFixed(2)}`;
}

function fit({ left, right, top, bottom }) {
  const width = source.width + left + right;
  const height = source.height + top + bottom;
  const { clientWidth, clientHeight } = stage();
  const scale = FILL * Math.min(clientWidth / width, clientHeight / height);
  view = { scale, x: (clientWidth - width * scale) / 2 + left * scale, y: (clientHeight - height * scale) / 2 + top * scale };
}

function put(element, left, top, width, height) {
  Object.assign(element.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
}

function draw() {
  const now = sides();
  const total = { width: source.width + now.left + now.right, height: source.height + now.top + now.bottom };
  box().toggleAttribute("data-empty", SIDES.every((side) => !now[side]));
  document.getElementById("expand-size").textContent = box().dataset.textSize
    .replace("{before}", `${source.width} × ${source.height}`)
    .replace("{after}", `${total.width} × ${total.height}`)
    .replace("{ratio}", ratioOf(total.width, total.height));
  for (const side of SIDES) {
    handle(side).setAttribute("aria-valuenow", now[side]);
    handle(side).setAttribute("aria-valuetext", box().dataset.textPixels.replace("{number}", now[side]));
  }
  if (!drag) fit(now);
  const { scale, x, y } = view;
  const frame = { left: x - now.left * scale, top: y - now.top * scale, width: total.width * scale, height: total.height * scale };
  put(box().querySelector("[data-expand-picture]"), x, y, source.width * scale, source.height * scale);
  put(box().querySelector("[data-expand-frame]"), frame.left, frame.top, frame.width, frame.height);
  const middle = { x: frame.left + frame.width / 2, y: frame.top + frame.height / 2 };
  const places = {
    left: [frame.left, middle.y],
    right: [frame.left + frame.width, middle.y],
    top: [middle.x, frame.top],
    bottom: [middle.x, frame.top + frame.height],
  };
  for (const side of SIDES) Object.assign(handle(side).parentElement.style, { left: `${places[side][0]}px`, top: `${places[side][1]}px` });
}

/** Write numbers into the fields; the last one tells the page, which then knows the price. */
function write(values, isFinal = true) {
  for (const [side, value] of Object.entries(values)) field(side).value = Math.min(limit(), Math.max(0, Math.round(value)));
  document.getElementById("expand-error").textContent = "";
  draw();
  document.dispatchEvent(new CustomEvent("composer:changed"));
  if (isFinal) field("right").dispatchEvent(new Event("change", { bubbles: true }));
}

function shapeTo(name) {
  const { width, height } = source;
  if (name === "none") return { left: 0, right: 0, top: 0, bottom: 0 };
  if (name === "grow") return { left: width / 4, right: width / 4, top: height / 4, bottom: height / 4 };
  const [across, down] = name.split(":").map(Number);
  const more = { x: Math.max(0, (height * across) / down - width), y: Math.max(0, (width * down) / across - height) };
  return { left: Math.floor(more.x / 2), right: Math.ceil(more.x / 2), top: Math.floor(more.y / 2), bottom: Math.ceil(more.y / 2) };
}

// Pulling.

function pulled(side, event) {
  const far = { left: drag.x - event.clientX, right: event.clientX - drag.x, top: drag.y - event.clientY, bottom: event.clientY - drag.y }[side];
  return Math.round((drag.from + far / view.scale) / GRAIN) * GRAIN;
}

document.addEventListener("pointerdown", (event) => {
  const pressed = event.target.closest("[data-side]");
  if (!pressed || !source || event.button !== 0) return;
  event.preventDefault();
  pressed.focus({ preventScroll: true });
  pressed.setPointerCapture(event.pointerId);
  const { side } = pressed.dataset;
  drag = { side, x: event.clientX, y: event.clientY, from: sides()[side] };
  stage().classList.add("is-pulled");
});

document.addEventListener("pointermove", (event) => {
  if (drag) write({ [drag.side]: pulled(drag.side, event) }, false);
});

for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, () => {
    if (!drag) return;
    drag = null;
    stage()?.classList.remove("is-pulled");
    if (box() && source) write({});
  });
}

document.addEventListener("keydown", (event) => {
  const { side } = event.target.dataset ?? {};
  if (!side || !source || !box()) return;
  const way = event.key === "Home" ? -Infinity : KEYS[side][event.key] ?? { PageUp: 4, PageDown: -4 }[event.key];
  if (!way) return;
  event.preventDefault();
  write({ [side]: sides()[side] + way * STEP * (event.shiftKey ? 4 : 1) });
});

document.addEventListener("click", (event) => {
  const preset = event.target.closest("[data-shape-to]");
  if (preset && source) write(shapeTo(preset.dataset.shapeTo));
});

document.addEventListener("input", (event) => {
  if (!box()?.contains(event.target) || !source) return;
  document.getElementById("expand-error").textContent = "";
  draw();
  document.dispatchEvent(new CustomEvent("composer:changed"));
});

addEventListener("resize", () => { if (box() && source) draw(); });

document.addEventListener("composer:source", (event) => {
  source = event.detail?.width ? event.detail : null;
  if (!box()) return;
  stage().hidden = !source;
  for (const preset of box().querySelectorAll("[data-shape-to]")) preset.disabled = !source;
  if (source) {
    box().querySelector("[data-expand-picture]").src = source.url;
    draw();
  } else {
    document.getElementById("expand-size").textContent = "";
    box().toggleAttribute("data-empty", SIDES.every((side) => !sides()[side]));
  }
});
