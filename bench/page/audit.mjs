/** What Lighthouse says of one address, as JSON: `node audit.mjs URL {simulate|devtools} [CHROMIUM]`. */
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const [url, throttlingMethod, chromePath] = process.argv.slice(2);
const TRIES = 3;

// The defaults are a phone of 412 by 823 points on slow 4G, its processor four times as slow as this one.
const audited = async (port, triesLeft) => {
  const { lhr } = await lighthouse(url, {
    port,
    throttlingMethod,
    logLevel: "error",
    onlyCategories: ["performance", "accessibility", "best-practices", "seo"],
  });
  if (!lhr.runtimeError) return lhr;
  // Now and then the browser's trace lacks its beginning: Lighthouse itself says to run it again.
  if (triesLeft === 1) throw new Error(lhr.runtimeError.message);
  console.error(lhr.runtimeError.message);
  return audited(port, triesLeft - 1);
};

const chromium = await launch({
  ...(chromePath && { chromePath }),
  chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"],
});
try {
  const lhr = await audited(chromium.port, TRIES);
  const scores = Object.values(lhr.categories).map(({ id, score }) => [id, Math.round(score * 100)]);
  const failed = Object.values(lhr.audits).filter(({ score }) => score !== null && score < 0.9);
  const report = {
    scores: Object.fromEntries(scores),
    first_content_ms: Math.round(lhr.audits["first-contentful-paint"].numericValue),
    failed: failed.map(({ id, displayValue }) => (displayValue ? `${id} (${displayValue})` : id)),
  };
  console.log(JSON.stringify(report));
} finally {
  chromium.kill();
}
