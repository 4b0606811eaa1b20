/** What Lighthouse says of one address, as JSON: `node audit.mjs URL {simulate|devtools} [CHROMIUM]`. */
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const [url, throttlingMethod, chromePath] = process.argv.slice(2);
const chromium = await launch({
  ...(chromePath && { chromePath }),
  chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"],
});
try {
  // The defaults are a phone of 412 by 823 points on slow 4G, its processor four times as slow as this one.
  const { lhr } = await lighthouse(url, {
    port: chromium.port,
    throttlingMethod,
    logLevel: "error",
    onlyCategories: ["performance", "accessibility", "best-practices", "seo"],
  });
  if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
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
