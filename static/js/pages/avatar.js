// Which square of a picture is kept: dragged, or moved by the arrow keys; a slider, the wheel, plus and minus size it.
// What is chosen goes as shares of the picture, so the server crops its own clean copy.

const form = document.querySelector("[data-avatar]");
const box = form.querySelector(".crop");
const stage = box.querySelector("canvas");
const zoom = box.querySelector("[data-crop-zoom]");
const blind = form.querySelector(".crop-blind");
const paper = stage.getContext("2d");
const STEP = 0.02;

let picture = null;
// The middle of the square, in pixels of the picture.
let middle = { x: 0, y: 0 };

const side = () => Math.min(picture.width, picture.height) / Number(zoom.value);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function show() {
  const length = side();
  middle.x = clamp(middle.x, length / 2, picture.width - length / 2);
  middle.y = clamp(middle.y, length / 2, picture.height - length / 2);
  const left = middle.x - length / 2;
  const upper = middle.y - length / 2;
  paper.clearRect(0, 0, stage.width, stage.height);
  paper.drawImage(picture, left, upper, length, length, 0, 0, stage.width, stage.height);
  form.elements.crop_x.value = (left / picture.width).toFixed(5);
  form.elements.crop_y.value = (upper / picture.height).toFixed(5);
  form.elements.crop_side.value = (1 / Number(zoom.value)).toFixed(5);
}

function move(x, y) {
  middle.x += x;
  middle.y += y;
  show();
}

function size(factor) {
  zoom.value = String(clamp(Number(zoom.value) * factor, Number(zoom.min), Number(zoom.max)));
  show();
}

form.elements.avatar.addEventListener("change", async (event) => {
  const file = event.target.files[0];
  picture = null;
  box.hidden = blind.hidden = true;
  for (const name of ["crop_x", "crop_y", "crop_side"]) form.elements[name].value = "";
  form.querySelector(".avatar-now").hidden = Boolean(file);
  if (!file) return;
  try {
    picture = await createImageBitmap(file);
  } catch {
    blind.hidden = false;
    return;
  }
  zoom.value = "1";
  middle = { x: picture.width / 2, y: picture.height / 2 };
  box.hidden = false;
  show();
});

zoom.addEventListener("input", show);
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  size(event.deltaY < 0 ? 1.05 : 1 / 1.05);
}, { passive: false });

let grip = null;
stage.addEventListener("pointerdown", (event) => {
  grip = { x: event.clientX, y: event.clientY };
  stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", (event) => {
  if (!grip) return;
  const scale = side() / stage.clientWidth;
  move((grip.x - event.clientX) * scale, (grip.y - event.clientY) * scale);
  grip = { x: event.clientX, y: event.clientY };
});
for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, () => { grip = null; });

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
stage.addEventListener("keydown", (event) => {
  const way = KEYS[event.key];
  if (way) move(way[0] * STEP * picture.width, way[1] * STEP * picture.height);
  else if (event.key === "+" || event.key === "=") size(1.1);
  else if (event.key === "-") size(1 / 1.1);
  else return;
  event.preventDefault();
});
