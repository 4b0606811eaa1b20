import { effect } from "@preact/signals";
import { render } from "preact";
import { App } from "./app";
import { go, route, watchRoute } from "./router";
import { startComposer, uploads, watchComposer } from "./state/composer";
import { watchConnection } from "./state/connection";
import { lookForLeftBehind } from "./state/desk";
import { watchDrops } from "./state/drops";
import { openFeed, query, watchFeed } from "./state/feed";
import { watchPictures } from "./state/pictures";
import { owner, watchSession } from "./state/session";
import { watchTheme } from "./state/theme";
import "./style.css";

watchTheme();
watchRoute();
watchConnection();
watchPictures();
watchFeed();
watchComposer(() => {
  if (query.value) go("/");
});
watchDrops(() => {
  go("/");
  return uploads;
});

let opened: string | null = null;
effect(() => {
  const place = route.value;
  if (place.kind !== "notebook" || place.q === opened) return;
  opened = place.q;
  void openFeed(place.q);
});

// A shared note is read by itself: it needs neither a session nor a draft.
if (route.value.kind !== "shared") {
  watchSession();
  owner.subscribe((user) => {
    if (user !== null) void startComposer(user).then(lookForLeftBehind);
  });
}

const root = document.getElementById("app");
if (root) render(<App />, root);
