/** The looks of these screens come with them; no view that imports this is shown before they are there. */
import url from "../../styles/accounts.css?url";

const link = document.createElement("link");
link.rel = "stylesheet";
link.href = url;
await new Promise((resolve) => {
  link.onload = link.onerror = resolve;
  // Behind those of the page, which these add to and sometimes change.
  document.body.append(link);
});
