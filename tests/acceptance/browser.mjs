// Look at the story page with Chromium, for tests/acceptance/test_browser.py:
//   node browser.mjs MODULES CHROMIUM BASE STORY ARTICLE
// Prints a JSON object of what it found. MODULES is a folder with puppeteer-core and axe-core.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [modules, executablePath, base, story, article] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PAGES = { front: "/", list: "/stories", story, article, missing: "/stories/st-none" };
const MODES = { desktop: [1280, 900, "light"], dark: [1280, 900, "dark"], phone: [390, 844, "light"], zoomed: [640, 450, "light"] };

const browser = await puppeteer.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
const found = { violations: [], checks: 0, overflows: [], bytes: {}, errors: [] };
const page = await browser.newPage();
page.on("pageerror", (error) => found.errors.push(String(error)));
for (const [mode, [width, height, scheme]] of Object.entries(MODES)) {
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  for (const [name, path] of Object.entries(PAGES)) {
    await page.goto(base + path, { waitUntil: "domcontentloaded" });
    await page.evaluate(`${axe};0`);
    const result = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
    found.checks += result.passes.length;
    found.violations.push(...result.violations.map((one) => `${mode} ${name}: ${one.impact} ${one.id} ${one.nodes[0].target}`));
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) found.overflows.push(`${mode} ${name}`);
    found.bytes[name] = await page.evaluate(() => performance.getEntriesByType("navigation")[0].encodedBodySize);
  }
}

await page.goto(`${base}/`);
for (const key of ["j", "j", "k"]) await page.keyboard.press(key);
found.focused = await page.evaluate(() => document.activeElement.getAttribute("href"));
found.first = await page.evaluate(() => document.querySelector("[data-item] a").getAttribute("href"));
await Promise.all([page.waitForNavigation(), page.keyboard.press("o")]);
found.opened = new URL(page.url()).pathname;

const plain = await browser.newPage();
await plain.setJavaScriptEnabled(false);
await plain.goto(base + story);
found.plain = (await plain.$$(".report")).length;
await browser.close();
console.log(JSON.stringify(found));
