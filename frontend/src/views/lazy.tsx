import { useSignal } from "@preact/signals";
import { type ComponentChildren, type ComponentType, type FunctionComponent, h } from "preact";
import { useEffect } from "preact/hooks";
import { Notice } from "../ui/Notice";

/** A view that is fetched when it is first shown; `waiting` keeps its place meanwhile. */
export function lazy<P extends object>(
  load: () => Promise<FunctionComponent<P>>,
  waiting: ComponentChildren,
): ComponentType<P> {
  let loaded: FunctionComponent<P> | null = null;
  return (props: P) => {
    const hasFailed = useSignal(false);
    const hasCome = useSignal(false);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (view) => {
          loaded = view;
          hasCome.value = true;
        },
        () => {
          hasFailed.value = true;
        },
      );
    }, []);
    if (hasCome.value || loaded) return h(loaded as FunctionComponent<P>, props);
    if (!hasFailed.value) return waiting;
    const reload = (
      <button type="button" class="button" onClick={() => location.reload()}>
        Reload
      </button>
    );
    return <Notice icon="cloud" title="This page could not be loaded." actions={reload} />;
  };
}
