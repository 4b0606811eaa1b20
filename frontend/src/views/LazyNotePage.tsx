import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Notice } from "../ui/Notice";
import { Skeleton } from "../ui/Skeleton";

let loaded: ComponentType<{ id: string }> | null = null;

/** The page of one note, fetched when the first note is opened by itself. */
export function LazyNotePage({ id }: { id: string }) {
  const view = useSignal(loaded);
  const hasFailed = useSignal(false);
  const load = async () => {
    try {
      loaded = (await import("./NotePage")).NotePage;
      view.value = loaded;
    } catch {
      hasFailed.value = true;
    }
  };
  useEffect(() => {
    if (!view.value) void load();
  }, []);
  const View = view.value;
  if (View) return <View id={id} />;
  if (!hasFailed.value) return <Skeleton count={1} />;
  const reload = (
    <button type="button" class="button" onClick={() => location.reload()}>
      Reload
    </button>
  );
  return <Notice icon="cloud" title="This page could not be loaded." actions={reload} />;
}
