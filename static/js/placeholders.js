// Blurred stand-ins while pictures load: each `img[data-thumbhash]` carries some 24 bytes (the ThumbHash format:
// a few cosine terms of lightness, two colour differences and, where there is one, alpha) that are drawn behind it.

const EDGE = 32;

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// Coefficients are nibbles; a channel has those below the diagonal of its grid, without the constant one.
function channelReader(hash, start) {
  let index = 0;
  return (columns, rows, scale) => {
    const terms = [];
    for (let y = 0; y < rows; y++) {
      for (let x = y ? 0 : 1; x * rows < columns * (rows - y); x++) {
        const nibble = (hash[start + (index >> 1)] >> ((index & 1) << 2)) & 15;
        index += 1;
        terms.push({ x, y, value: (nibble / 7.5 - 1) * scale });
      }
    }
    return terms;
  };
}

function parse(hash) {
  const head = hash[0] | (hash[1] << 8) | (hash[2] << 16);
  const tail = hash[3] | (hash[4] << 8);
  const hasAlpha = Boolean(head >> 23);
  const isLandscape = Boolean(tail >> 15);
  const long = hasAlpha ? 5 : 7;
  const columns = Math.max(3, isLandscape ? long : tail & 7);
  const rows = Math.max(3, isLandscape ? tail & 7 : long);
  const read = channelReader(hash, hasAlpha ? 6 : 5);
  const lightness = { base: (head & 63) / 63, terms: read(columns, rows, ((head >> 18) & 31) / 31) };
  const yellowBlue = { base: ((head >> 6) & 63) / 31.5 - 1, terms: read(3, 3, (((tail >> 3) & 63) / 63) * 1.25) };
  const redGreen = { base: ((head >> 12) & 63) / 31.5 - 1, terms: read(3, 3, (((tail >> 9) & 63) / 63) * 1.25) };
  const alpha = hasAlpha
    ? { base: (hash[5] & 15) / 15, terms: read(5, 5, (hash[5] >> 4) / 15) }
    : { base: 1, terms: [] };
  return { ratio: columns / rows, lightness, yellowBlue, redGreen, alpha };
}

function valueAt({ base, terms }, across, down) {
  let sum = base;
  for (const { x, y, value } of terms) sum += 2 * value * across[x] * down[y];
  return sum;
}

function cosines(size) {
  return Array.from({ length: size }, (_, at) => Array.from({ length: 7 }, (__, term) => Math.cos((Math.PI / size) * (at + 0.5) * term)));
}

function draw(text) {
  const { ratio, lightness, yellowBlue, redGreen, alpha } = parse(bytesOf(text));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(ratio > 1 ? EDGE : EDGE * ratio));
  canvas.height = Math.max(1, Math.round(ratio > 1 ? EDGE / ratio : EDGE));
  const across = cosines(canvas.width);
  const down = cosines(canvas.height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let y = 0, at = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++, at += 4) {
      const l = valueAt(lightness, across[x], down[y]);
      const p = valueAt(yellowBlue, across[x], down[y]);
      const q = valueAt(redGreen, across[x], down[y]);
      const blue = l - (2 / 3) * p;
      const red = (3 * l - blue + q) / 2;
      image.data.set([red, red - q, blue, valueAt(alpha, across[x], down[y])].map((part) => part * 255), at);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

function prepare(picture) {
  const hash = picture.dataset.thumbhash;
  picture.removeAttribute("data-thumbhash");
  if (!hash || (picture.complete && picture.naturalWidth)) return;
  picture.style.backgroundImage = `url(${draw(hash)})`;
  // Gone once loaded: it would shine through what is transparent.
  picture.addEventListener("load", () => { picture.style.backgroundImage = ""; }, { once: true });
}

function prepareAll(root) {
  for (const picture of root.querySelectorAll("img[data-thumbhash]")) prepare(picture);
}

prepareAll(document);
document.addEventListener("htmx:load", (event) => {
  const root = event.detail.elt;
  if (root.matches?.("img[data-thumbhash]")) prepare(root);
  else prepareAll(root);
});
