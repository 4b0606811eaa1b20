/** Secrets come behind the `#` of a link: no server sees that, and no history keeps it. */

/** What stands behind the `#`, which is then taken out of the address. */
export function takeFragment(): string {
  const secret = decodeURIComponent(location.hash.slice(1));
  if (secret) history.replaceState(null, "", location.pathname + location.search);
  return secret;
}
