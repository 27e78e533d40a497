// The mask editor: what is painted over the picture may change. It works on a canvas of at most WORK_EDGE pixels, where
// paint is opacity; what is sent is a grey PNG of the picture's own size, white where it may change. What was painted
// belongs to its picture and outlives every swap of the form. Without this file a mask is sent as a file.

const WORK_EDGE = 1536;
const PAINT = "#ebc647";
const ZOOMS = [1, 1.5, 2, 3, 4];
const KEY_STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const editor = () => document.getElementById("mask-editor");
const part = (name) => editor().querySelector(`[data-mask-${name}]`);
const canvas = () => document.getElementById("mask-canvas");
const pen = () => canvas().getContext("2d", { willReadFrequently: true });
const say = (text) => { part("status").textContent = text; };
const form = () => document.getElementById("generate-form");

// What was done to which picture: strokes and steps, done again from the first on after each undo.
let work = { key: "", done: [], undone: [] };
let source = null;
let brush = { tool: "brush", size: 80, feather: 4 };
let zoom = 0;
let cursor = { x: 0.5, y: 0.5, isDown: false };
let stroke = null;
let isExported = false;

// The brush is so many thousandths of the longer side wide, on every screen and at every zoom.
const span = () => Math.max(canvas().width, canvas().height);
const radius = () => (brush.size / 1000) * span() / 2;

// Drawing.

function drawStroke(context, { isEraser, points }) {
  context.globalCompositeOperation = isEraser ? "destination-out" : "source-over";
  context.strokeStyle = PAINT;
  context.fillStyle = PAINT;
  context.lineCap = "round";
  points.forEach(([x, y, r], index) => {
    const [fromX, fromY] = points[Math.max(0, index - 1)];
    context.lineWidth = 2 * r;
    context.beginPath();
    if (fromX === x && fromY === y) {
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fill();
    } else {
      context.moveTo(fromX, fromY);
      context.lineTo(x, y);
      context.stroke();
    }
  });
}

const draws = {
  stroke: drawStroke,
  clear: (context, _step, { width, height }) => context.clearRect(0, 0, width, height),
  // What is opaque becomes clear, and the other way round.
  invert: (context, _step, { width, height }) => {
    context.globalCompositeOperation = "xor";
    context.fillStyle = PAINT;
    context.fillRect(0, 0, width, height);
  },
  picture: (context, { picture }, { width, height }) => context.drawImage(picture, 0, 0, width, height),
};

function apply(step) {
  pen().save();
  draws[step.kind](pen(), step, canvas());
  pen().restore();
}

function redraw() {
  pen().clearRect(0, 0, canvas().width, canvas().height);
  work.done.forEach(apply);
}

// How much of the picture is painted, 0 to 1.
function share() {
  const { width, height } = canvas();
  const { data } = pen().getImageData(0, 0, width, height);
  let painted = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 127) painted += 1;
  return painted / (width * height);
}

function settle(isSpoken = true) {
  const painted = share();
  const percent = painted && painted < 0.01 ? "<\u20091" : Math.round(painted * 100);
  editor().toggleAttribute("data-empty", painted === 0);
  document.getElementById("mask-undo").disabled = work.done.length === 0;
  document.getElementById("mask-redo").disabled = work.undone.length === 0;
  if (painted) document.getElementById("mask-error").textContent = "";
  if (isSpoken) say(painted ? editor().dataset.textPainted.replace("{share}", percent) : editor().dataset.textEmpty);
  document.dispatchEvent(new CustomEvent("composer:changed"));
}

function keep(step) {
  work.done.push(step);
  work.undone = [];
  isExported = false;
}

// What is sent.

/** The mask with its outermost pixels repeated outside, so that a feathered edge does not fade at the picture's border. */
function padded(width, height, margin) {
  const wide = new OffscreenCanvas(width + 2 * margin, height + 2 * margin);
  const context = wide.getContext("2d");
  const from = canvas();
  const columns = [[0, 1, 0, margin], [0, from.width, margin, width], [from.width - 1, 1, margin + width, margin]];
  const rows = [[0, 1, 0, margin], [0, from.height, margin, height], [from.height - 1, 1, margin + height, margin]];
  for (const [sx, sw, dx, dw] of columns) {
    for (const [sy, sh, dy, dh] of rows) if (dw && dh) context.drawImage(from, sx, sy, sw, sh, dx, dy, dw, dh);
  }
  return wide;
}

/** A PNG of the picture's own size: white where it may change, black where not. */
function png() {
  const { width, height } = source;
  const blur = (brush.feather / 1000) * Math.max(width, height);
  const margin = Math.ceil(3 * blur);
  const out = new OffscreenCanvas(width, height);
  const context = out.getContext("2d");
  context.fillRect(0, 0, width, height);
  // A shadow thrown into the picture by what lies beside it: white whatever the paint, and blurred everywhere alike.
  context.shadowColor = "#fff";
  context.shadowBlur = 2 * blur;
  context.shadowOffsetX = width + 2 * margin;
  context.drawImage(padded(width, height, margin), -margin - (width + 2 * margin), -margin);
  return out.convertToBlob({ type: "image/png" });
}

async function hand() {
  const taken = new DataTransfer();
  taken.items.add(new File([await png()], "mask.png", { type: "image/png" }));
  document.getElementById("mask-file").files = taken.files;
  form().querySelector("[name='mask']")?.remove();
  isExported = true;
}

// The form waits for the PNG; after generate.js has had its say, before htmx.
addEventListener("submit", (event) => {
  if (event.target !== form() || !editor() || editor().hasAttribute("data-empty")) return;
  const isOurs = work.done.some((one) => one.kind !== "picture");
  if (isExported || !source || !isOurs || form().querySelector("[data-busy]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  hand().then(() => form().requestSubmit());
}, true);

// Pointer, pen, finger.

function place(event) {
  const box = canvas().getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * canvas().width, ((event.clientY - box.top) / box.height) * canvas().height];
}

const pressure = (event) => (event.pointerType === "pen" && event.pressure ? 0.35 + 0.65 * event.pressure : 1);

function begin(points) {
  stroke = { kind: "stroke", isEraser: brush.tool === "eraser", points };
  keep(stroke);
  apply(stroke);
}

function extend(point) {
  stroke.points.push(point);
  apply({ ...stroke, points: stroke.points.slice(-2) });
}

function showRing(x, y) {
  const ring = part("ring");
  const scale = canvas().clientWidth / canvas().width;
  ring.hidden = brush.tool === "hand";
  ring.style.left = `${(x / canvas().width) * 100}%`;
  ring.style.top = `${(y / canvas().height) * 100}%`;
  ring.style.width = ring.style.height = `${Math.max(4, 2 * radius() * scale)}px`;
}

function pointerDown(event) {
  if (event.button !== 0 || stroke) return;
  canvas().setPointerCapture(event.pointerId);
  if (brush.tool === "hand") return;
  event.preventDefault();
  canvas().focus({ preventScroll: true });
  begin([[...place(event), radius() * pressure(event)]]);
  stroke.pointer = event.pointerId;
}

function pointerMove(event) {
  const [x, y] = place(event);
  showRing(x, y);
  if (brush.tool === "hand" && canvas().hasPointerCapture(event.pointerId)) {
    part("stage").scrollBy(-event.movementX, -event.movementY);
  }
  if (stroke?.pointer !== event.pointerId) return;
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const move of moves.length ? moves : [event]) extend([...place(move), radius() * pressure(move)]);
}

function pointerUp(event) {
  if (stroke?.pointer !== event.pointerId) return;
  stroke = null;
  settle();
}

function listen() {
  const on = canvas();
  const acts = { pointerdown: pointerDown, pointermove: pointerMove, pointerup: pointerUp, pointercancel: pointerUp, keydown: canvasKey };
  for (const [name, act] of Object.entries(acts)) on.addEventListener(name, act);
  on.addEventListener("pointerleave", () => { part("ring").hidden = !on.matches(":focus-visible"); });
  on.addEventListener("focus", () => { if (on.matches(":focus-visible")) moveCursor(0, 0); });
  on.addEventListener("blur", () => {
    part("ring").hidden = true;
    lift();
  });
}

// Keyboard.

function moveCursor(x, y) {
  cursor.x = Math.min(1, Math.max(0, cursor.x + x / canvas().width));
  cursor.y = Math.min(1, Math.max(0, cursor.y + y / canvas().height));
  const at = [cursor.x * canvas().width, cursor.y * canvas().height];
  showRing(...at);
  part("ring").scrollIntoView({ block: "nearest", inline: "nearest" });
  if (cursor.isDown) extend([...at, radius()]);
  say(editor().dataset.textPosition.replace("{x}", Math.round(cursor.x * 100)).replace("{y}", Math.round(cursor.y * 100)));
}

function lift() {
  if (!cursor.isDown) return;
  cursor.isDown = false;
  stroke = null;
  settle(false);
  say(editor().dataset.textUp);
}

function canvasKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (KEY_STEPS[event.key]) {
    event.preventDefault();
    const far = Math.max(radius() / 2, span() / 100) * (event.shiftKey ? 4 : 1);
    moveCursor(...KEY_STEPS[event.key].map((way) => way * far));
  } else if (event.key === " ") {
    event.preventDefault();
    if (cursor.isDown) return lift();
    if (brush.tool !== "hand" && !stroke) {
      cursor.isDown = true;
      begin([[cursor.x * canvas().width, cursor.y * canvas().height, radius()]]);
      settle(false);
      say(brush.tool === "eraser" ? editor().dataset.textErasing : editor().dataset.textDown);
    }
  } else if (event.key === "Escape") lift();
}

document.addEventListener("keydown", (event) => {
  if (!editor() || part("board").hidden || document.querySelector("dialog[open]")) return;
  const isTyping = event.target.matches?.("textarea, select, input:not([type='range'], [type='radio'], [type='checkbox'])");
  if (isTyping) return;
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
  if (isUndo) {
    event.preventDefault();
    acts[event.shiftKey ? "redo" : "undo"]();
  } else if ((event.key === "[" || event.key === "]") && !event.ctrlKey && !event.metaKey) {
    const slider = document.getElementById("mask-size");
    slider.value = Number(slider.value) + (event.key === "]" ? 15 : -15);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    if (document.activeElement === canvas()) moveCursor(0, 0);
  }
});

// Tools.

function choose(tool) {
  lift();
  brush.tool = tool;
  for (const button of editor().querySelectorAll("[data-tool]")) button.ariaPressed = String(button.dataset.tool === tool);
  canvas().classList.toggle("is-hand", tool === "hand");
}

function zoomTo(index) {
  zoom = Math.min(ZOOMS.length - 1, Math.max(0, index));
  const stage = part("stage");
  const middle = { x: (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth, y: (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight };
  part("sheet").style.setProperty("--zoom", ZOOMS[zoom]);
  stage.scrollLeft = middle.x * stage.scrollWidth - stage.clientWidth / 2;
  stage.scrollTop = middle.y * stage.scrollHeight - stage.clientHeight / 2;
  document.getElementById("mask-zoom-out").disabled = zoom === 0;
  document.getElementById("mask-zoom-in").disabled = zoom === ZOOMS.length - 1;
  document.getElementById("mask-hand").disabled = zoom === 0;
  if (zoom === 0 && brush.tool === "hand") choose("brush");
  showFeather();
}

function showFeather() {
  const blur = (brush.feather / 1000) * Math.max(canvas().clientWidth, canvas().clientHeight);
  part("paint").style.filter = blur ? `blur(${blur}px)` : "";
}

function move(from, to) {
  if (!from.length) return;
  lift();
  to.push(from.pop());
  isExported = false;
  redraw();
  settle();
}

function step(kind) {
  lift();
  keep({ kind });
  redraw();
  settle();
}

const acts = {
  undo: () => move(work.done, work.undone),
  redo: () => move(work.undone, work.done),
  invert: () => step("invert"),
  clear: () => step("clear"),
  "zoom-in": () => zoomTo(zoom + 1),
  "zoom-out": () => zoomTo(zoom - 1),
};

document.addEventListener("click", (event) => {
  const button = editor() && event.target.closest("#mask-editor [data-tool], #mask-editor [data-act]");
  if (!button) return;
  if (button.dataset.tool) choose(button.dataset.tool);
  else acts[button.dataset.act]();
});

document.addEventListener("input", (event) => {
  if (event.target.id === "mask-size") brush.size = Number(event.target.value);
  if (event.target.id !== "mask-feather") return;
  brush.feather = Number(event.target.value);
  isExported = false;
  showFeather();
});

// The picture that it lies over.

/** A mask that was sent before, as paint: what is white there is opaque here. */
async function load(address, key) {
  const picture = new Image();
  picture.crossOrigin = "anonymous";
  picture.src = address;
  try {
    await picture.decode();
  } catch {
    // Out of reach of a script (another host's storage): it still stands in the form.
    editor()?.removeAttribute("data-empty");
    return document.dispatchEvent(new CustomEvent("composer:changed"));
  }
  if (!editor() || work.key !== key || work.done.length) return;
  const sheet = new OffscreenCanvas(canvas().width, canvas().height);
  const context = sheet.getContext("2d");
  context.drawImage(picture, 0, 0, sheet.width, sheet.height);
  const image = context.getImageData(0, 0, sheet.width, sheet.height);
  for (let at = 0; at < image.data.length; at += 4) image.data.set([235, 198, 71, image.data[at]], at);
  context.putImageData(image, 0, 0);
  work.done.push({ kind: "picture", picture: sheet });
  redraw();
  settle(false);
}

function open() {
  const { key, url, width, height } = source;
  if (work.key !== key) work = { key, done: [], undone: [] };
  const scale = Math.min(1, WORK_EDGE / Math.max(width, height));
  Object.assign(canvas(), { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
  part("sheet").style.setProperty("--ratio", width / height);
  part("picture").src = url;
  for (const name of ["size", "feather"]) document.getElementById(`mask-${name}`).value = brush[name];
  [isExported, stroke] = [false, null];
  cursor = { ...cursor, isDown: false };
  listen();
  choose(brush.tool === "hand" ? "brush" : brush.tool);
  redraw();
  zoomTo(0);
  settle(false);
  const { mask } = editor().dataset;
  // A mask of the form stands for what was painted there; where more was painted meanwhile, that counts.
  if (mask && !work.done.length) load(mask, key);
}

document.addEventListener("composer:source", (event) => {
  source = event.detail?.width ? event.detail : null;
  if (!editor()) return;
  const isUnseen = Boolean(event.detail?.isUnseen);
  part("board").hidden = !source;
  part("wait").hidden = Boolean(source) || isUnseen;
  part("plain").classList.toggle("noscript-only", !isUnseen);
  document.getElementById("mask-error").textContent ||= isUnseen ? editor().dataset.textUnseen : "";
  if (isUnseen || !source) editor().toggleAttribute("data-empty", !isUnseen);
  if (source && editor().dataset.open !== source.key) {
    editor().dataset.open = source.key;
    open();
  }
});
