// When a reader of the story page sees something: first contentful paint in Chromium, with an empty cache, and the bytes sent.
//   npm install --prefix /tmp/browser puppeteer-core@24
//   NODE_PATH=/tmp/browser/node_modules node benchmarks/first_paint.mjs http://127.0.0.1:8080 [LOADS]
// Takes the largest story of the page and its latest article. Needs Debian's chromium.
import { createRequire } from "node:module";

const puppeteer = createRequire(import.meta.url)("puppeteer-core");
const [base, loads = "20"] = process.argv.slice(2);
const json = async (path) => (await fetch(base + path)).json();
const [story] = (await json("/api/stories?order=large&limit=1")).stories;
const [article] = (await json(`/api/stories/${story.id}/articles?limit=1`)).articles;
const PAGES = {
  "front page": "/",
  "list": "/stories",
  [`story of ${story.article_count} articles`]: `/stories/${story.id}`,
  "article": `/article?${new URLSearchParams({ id: article.id, edition: article.edition })}`,
};

const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(0);
console.log(`| ${loads} loads each | first paint, median ms | longest ms | page, bytes | with style and script |\n|---|---:|---:|---:|---:|`);
for (const [name, path] of Object.entries(PAGES)) {
  const paints = [];
  let bytes, total;
  for (let load = 0; load < Number(loads); load++) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setCacheEnabled(false);
    await page.goto(base + path, { waitUntil: "load" });
    const found = await page.evaluate(async () => {
      const entries = (type) => performance.getEntriesByType(type);
      while (!entries("paint").some((one) => one.name === "first-contentful-paint")) await new Promise(requestAnimationFrame);
      const [navigation] = entries("navigation");
      return {
        paint: entries("paint").find((one) => one.name === "first-contentful-paint").startTime,
        bytes: navigation.encodedBodySize,
        total: entries("resource").reduce((sum, one) => sum + one.encodedBodySize, navigation.encodedBodySize),
      };
    });
    paints.push(found.paint);
    ({ bytes, total } = found);
    await context.close();
  }
  paints.sort((one, other) => one - other);
  console.log(`| ${name} | ${at(paints, 0.5)} | ${at(paints, 1)} | ${bytes.toLocaleString("en")} | ${total.toLocaleString("en")} |`);
}
await browser.close();
