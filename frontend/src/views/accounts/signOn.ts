/** Single sign-on, as the page sees it: what came of it, and where it leads back to. */

const sentences: Record<string, string> = {
  cancelled: "You came back without having signed in there.",
  expired: "That took too long, or was begun in another browser. Try again.",
  failed: "What came back does not hold. Try again, or sign in another way.",
  unavailable: "It does not answer right now. Try again in a while, or sign in another way.",
  "no-account": "Nobody has an account here with that yet: open the link of your invitation first.",
  invite: "That invitation was used already, or is over. Ask for a new one.",
  disabled: "That account may not be used. Ask whoever runs this Knote.",
  "too-many": "Too many have begun to sign in from here. Try again in a quarter of an hour.",
  taken: "That signs in to another account already.",
  "signed-out": "Somebody else is signed in by now, or nobody. Nothing was linked.",
};

/** What went wrong, if this page was come back to with an error; the address is then cleaned of it. */
export function takeSignOnError(): string {
  const url = new URL(location.href);
  const reason = /^sso-(.+)$/.exec(url.searchParams.get("error") ?? "")?.[1];
  if (!reason) return "";
  url.searchParams.delete("error");
  history.replaceState(null, "", url);
  return sentences[reason] ?? "Single sign-on did not work. Try again.";
}

/** Where a sign-in at the provider begins that leads back to this path. */
export function signOnAddress(begin: string, path: string): string {
  const url = new URL(begin, location.origin);
  url.searchParams.set("return_to", path);
  return url.href;
}

/** Where somebody wanted to go, as far as it is a place of this page. */
export function returnPath(): string {
  const asked = new URLSearchParams(location.search).get("return_to") ?? "/";
  const url = new URL(asked, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : "/";
}
