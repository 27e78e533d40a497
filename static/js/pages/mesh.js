// The viewer of a 3D model. three.js is loaded when the model comes near the screen; until then, and where there is no WebGL,
// its poster stands there. Pointer and fingers turn and zoom it, keys do as well.

const AZIMUTH = 32 * Math.PI / 180;
const ELEVATION = 18 * Math.PI / 180;
const STEP = 8 * Math.PI / 180;
const ZOOM = 1.2;
const FIELD = 35;

const box = document.querySelector("[data-mesh]");
const canvas = box.querySelector("[data-mesh-canvas]");
const state = box.querySelector("[data-mesh-state]");
const tools = box.querySelector("[data-mesh-tools]");
const turnButton = tools.querySelector('[data-mesh-do="turn"]');
const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;

function say(text) {
  state.textContent = text;
}

async function load(three) {
  const response = await fetch(box.dataset.src);
  if (!response.ok) throw new Error(`the model answered ${response.status}`);
  const loader = new three.GLTFLoader();
  // Textures by <img> rather than by fetching blob: addresses, which the content policy forbids.
  loader.register((parser) => {
    parser.textureLoader = new three.TextureLoader(parser.options.manager);
    return { name: "textures_by_image" };
  });
  return (await loader.parseAsync(await response.arrayBuffer(), "")).scene;
}

// A stage around the model: light as in a room, the camera where the poster was drawn from.
function stageFor(three, model, renderer) {
  const scene = new three.Scene();
  const room = new three.RoomEnvironment();
  scene.environment = new three.PMREMGenerator(renderer).fromScene(room, 0.04).texture;
  const key = new three.DirectionalLight(0xffffff, 1.4);
  key.position.set(-1, 2, 2);
  scene.add(model, key);
  const sphere = new three.Box3().setFromObject(model).getBoundingSphere(new three.Sphere());
  const radius = sphere.radius || 1;
  const camera = new three.PerspectiveCamera(FIELD, 1, radius / 100, radius * 40);
  return { scene, camera, centre: sphere.center, radius };
}

function show(three, model) {
  const renderer = new three.WebGLRenderer({ canvas, antialias: true, alpha: true, powerPreference: "low-power" });
  renderer.toneMapping = three.NeutralToneMapping;
  renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
  const { scene, camera, centre, radius } = stageFor(three, model, renderer);
  const controls = new three.OrbitControls(camera, canvas);
  Object.assign(controls, { enableDamping: !isCalm, enablePan: false, autoRotateSpeed: 1.2, minDistance: radius * 1.1, maxDistance: radius * 12 });
  controls.target.copy(centre);

  let frame = 0;
  const draw = () => {
    frame = 0;
    const isMoving = controls.update();
    renderer.render(scene, camera);
    if (isMoving || controls.autoRotate) ask();
  };
  function ask() {
    frame ||= requestAnimationFrame(draw);
  }

  function turnByItself(isOn) {
    controls.autoRotate = isOn;
    turnButton.setAttribute("aria-pressed", String(isOn));
    ask();
  }

  function place(azimuth, polar, distance) {
    camera.position.setFromSpherical(new three.Spherical(distance, polar, azimuth)).add(centre);
    ask();
  }

  function reset() {
    const half = FIELD / 2 * Math.PI / 180;
    place(AZIMUTH, Math.PI / 2 - ELEVATION, radius / Math.sin(half) / Math.min(1, camera.aspect));
  }

  function turn(across, down, zoom = 1) {
    const polar = Math.max(0.05, Math.min(Math.PI - 0.05, controls.getPolarAngle() + down));
    const distance = Math.max(controls.minDistance, Math.min(controls.maxDistance, controls.getDistance() * zoom));
    place(controls.getAzimuthalAngle() + across, polar, distance);
  }

  const actions = { in: () => turn(0, 0, 1 / ZOOM), out: () => turn(0, 0, ZOOM), turn: () => turnByItself(!controls.autoRotate), reset };
  const keys = {
    ArrowLeft: () => turn(-STEP, 0),
    ArrowRight: () => turn(STEP, 0),
    ArrowUp: () => turn(0, -STEP),
    ArrowDown: () => turn(0, STEP),
    "+": actions.in,
    "=": actions.in,
    "-": actions.out,
    0: reset,
  };

  function fit() {
    const { width, height } = box.getBoundingClientRect();
    renderer.setSize(width, height, false);
    camera.aspect = width / Math.max(1, height);
    camera.updateProjectionMatrix();
    ask();
  }

  canvas.addEventListener("keydown", (event) => {
    const act = event.metaKey || event.ctrlKey || event.altKey ? null : keys[event.key];
    if (!act) return;
    event.preventDefault();
    turnByItself(false);
    act();
  });
  tools.addEventListener("click", (event) => actions[event.target.closest("[data-mesh-do]")?.dataset.meshDo]?.());
  controls.addEventListener("change", ask);
  controls.addEventListener("start", () => turnByItself(false));
  canvas.addEventListener("webglcontextlost", () => {
    box.classList.remove("is-shown");
    canvas.hidden = true;
    tools.hidden = true;
    say(box.dataset.failed);
  });

  canvas.hidden = false;
  tools.hidden = false;
  new ResizeObserver(fit).observe(box);
  fit();
  reset();
  turnByItself(!isCalm);
  box.classList.add("is-shown");
  say("");
}

async function start() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    say(box.dataset.missing);
    return;
  }
  say(box.dataset.loading);
  try {
    const three = await import(box.dataset.viewer);
    show(three, await load(three));
  } catch (error) {
    console.error(error);
    canvas.hidden = true;
    tools.hidden = true;
    say(box.dataset.failed);
  }
}

const nearby = new IntersectionObserver((entries) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  nearby.disconnect();
  start();
}, { rootMargin: "200px" });
nearby.observe(box);
