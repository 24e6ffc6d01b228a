// Writes docs/train-transforms.jpg: one generated picture as five models see it in training. Needs `npm run build`.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { contactSheet, resize } from "../dist/src/images/index.js";
import { trainTransform } from "../dist/src/index.js";

const MODELS = ["simclr_rn50", "byol_rn50_bs4096", "dino_vitS16", "infomin_rn50_800ep", "clip_vitB16"];
const VIEWS = 6;
const SIDE = 150;

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="360">
  <defs>
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#3b7dd8"/><stop offset="1" stop-color="#cfe8ff"/></linearGradient>
    <linearGradient id="grass" x2="0" y2="1"><stop stop-color="#7fb24a"/><stop offset="1" stop-color="#2f6b2f"/></linearGradient>
    <radialGradient id="sun"><stop offset=".4" stop-color="#ffe066"/><stop offset="1" stop-color="#ffb000"/></radialGradient>
  </defs>
  <rect width="480" height="360" fill="url(#sky)"/>
  <circle cx="390" cy="70" r="36" fill="url(#sun)"/>
  <path d="M0 230 Q120 180 240 225 T480 210 V360 H0Z" fill="url(#grass)"/>
  <path d="M30 240 L60 130 L90 240Z M75 250 L110 110 L145 250Z" fill="#1d5a38"/>
  <rect x="215" y="170" width="150" height="120" fill="#e8d3b0"/>
  <path d="M200 175 L290 95 L380 175Z" fill="#b3402e"/>
  <rect x="330" y="105" width="20" height="40" fill="#7a3b2e"/>
  <rect x="270" y="225" width="36" height="65" fill="#5b3a21"/>
  <g fill="#9fd3f0" stroke="#fff" stroke-width="4"><rect x="228" y="195" width="30" height="30"/><rect x="320" y="195" width="30" height="30"/></g>
  <path d="M288 290 Q300 330 230 360 H320 Q345 320 306 290Z" fill="#d9c9a3"/>
  <g fill="#f4f8fc" opacity=".9"><ellipse cx="150" cy="70" rx="46" ry="18"/><ellipse cx="180" cy="58" rx="34" ry="18"/></g>
  <g fill="#d83a6b"><circle cx="180" cy="300" r="7"/><circle cx="205" cy="322" r="7"/><circle cx="160" cy="330" r="7"/><circle cx="400" cy="310" r="8"/></g>
</svg>`;

const { data, info } = await sharp(Buffer.from(PICTURE)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
const picture = { data: new Uint8Array(data), width: info.width, height: info.height };

const cells = [];
for (const name of MODELS) {
  const augment = await trainTransform(name);
  for (let seed = 0; seed < VIEWS; seed++) {
    cells.push(resize(await augment.pixels(picture, { seed }), SIDE, SIDE, "bicubic"));
  }
}
const { width, height, data: pixels } = contactSheet(cells, VIEWS);
const LABELS = 170;
const row = height / MODELS.length;
const labels = MODELS.map((name, i) => `<text x="8" y="${(i + 0.5) * row + 5}">${name}</text>`).join("");
const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${LABELS}" height="${height}" font-family="sans-serif" font-size="15">${labels}</svg>`;
const image = await sharp({ create: { width: width + LABELS, height, channels: 3, background: "white" } })
  .composite([
    { input: Buffer.from(text), left: 0, top: 0 },
    { input: pixels, raw: { width, height, channels: 3 }, left: LABELS, top: 0 },
  ])
  .jpeg({ quality: 82 })
  .toBuffer();
await writeFile(fileURLToPath(new URL("../docs/train-transforms.jpg", import.meta.url)), image);
