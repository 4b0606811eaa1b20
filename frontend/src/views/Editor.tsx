import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { registerDrop } from "../state/drops";
import type { Editor as EditorModel } from "../state/editor";
import { bytesNear } from "../state/text";
import type { Uploads } from "../state/uploads";
import { Icon } from "../ui/Icon";
import { Markdown } from "../ui/Markdown";
import { lazy } from "./lazy";
import { usePreview } from "./preview";

const UploadCards = lazy(() => import("./UploadCards").then((part) => part.UploadCards), null);

type Props = {
  editor: EditorModel;
  uploads: Uploads;
  label: string;
  placeholder: string;
  isLocked: boolean;
  startsFocused?: boolean;
  onSubmit: () => void;
  onEscape?: () => void;
  children: ComponentChildren;
};

/** A text with its preview beside it (or behind a switch, on a phone), its pictures and its buttons. */
export function Editor(props: Props) {
  const { editor, uploads, onSubmit, onEscape } = props;
  const root = useRef<HTMLDivElement>(null);
  const showsPreview = useSignal(false);
  useEffect(() => (root.current ? registerDrop(root.current, uploads) : undefined), [uploads]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onSubmit();
    } else if (event.key === "Escape" && onEscape && !event.isComposing) {
      event.stopPropagation();
      onEscape();
    }
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys of everything inside pass here
    <div
      class="editor"
      data-drop
      data-view={showsPreview.value ? "preview" : "write"}
      ref={root}
      onKeyDown={onKeyDown}
    >
      <Switch
        isOn={showsPreview.value}
        turn={(isOn) => {
          showsPreview.value = isOn;
        }}
      />
      <div class="panes">
        <Area {...props} />
        <Preview editor={editor} />
      </div>
      {uploads.items.value.length > 0 && <UploadCards uploads={uploads} />}
      <div class="editor-foot">
        <PictureButton uploads={uploads} />
        <Limit editor={editor} />
        {props.children}
      </div>
    </div>
  );
}

function Switch({ isOn, turn }: { isOn: boolean; turn: (isOn: boolean) => void }) {
  return (
    <fieldset class="switch" aria-label="View">
      <button type="button" aria-pressed={!isOn} onClick={() => turn(false)}>
        Write
      </button>
      <button type="button" aria-pressed={isOn} onClick={() => turn(true)}>
        Preview
      </button>
    </fieldset>
  );
}

function Area({ editor, label, placeholder, isLocked, startsFocused }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (!area.current) return;
    const detach = editor.attach(area.current);
    if (startsFocused) area.current.focus({ preventScroll: true });
    return detach;
  }, [editor, startsFocused]);
  return (
    <textarea
      ref={area}
      class="area"
      aria-label={label}
      placeholder={placeholder}
      readOnly={isLocked}
      dir="auto"
      rows={5}
      onInput={editor.input}
      onCompositionStart={() => editor.compose(true)}
      onCompositionEnd={() => editor.compose(false)}
    />
  );
}

function Preview({ editor }: { editor: EditorModel }) {
  const blocks = usePreview(editor.text);
  return (
    <section class="preview" aria-label="Preview">
      {blocks.length === 0 && <p class="preview-empty">The preview appears here.</p>}
      <Markdown blocks={blocks} headingsBelow={2} />
    </section>
  );
}

const pictureTypes = "image/jpeg,image/png,image/gif,image/webp,image/avif";

function PictureButton({ uploads }: { uploads: Uploads }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="button quiet" onClick={() => input.current?.click()}>
        <Icon name="picture" />
        Add pictures
      </button>
      <input
        ref={input}
        class="file-input"
        type="file"
        accept={pictureTypes}
        multiple
        tabIndex={-1}
        aria-label="Choose pictures"
        onChange={({ currentTarget }) => {
          uploads.add([...(currentTarget.files ?? [])]);
          currentTarget.value = "";
        }}
      />
    </>
  );
}

const usualLimitBytes = 256 * 1024;
const kib = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** How much room is left, once it matters. The server has the last word on the limit. */
function Limit({ editor }: { editor: EditorModel }) {
  const bytes = bytesNear(editor.text.value, usualLimitBytes);
  if (bytes < usualLimitBytes * 0.85) return null;
  return (
    <p class="limit" data-over={bytes > usualLimitBytes}>
      {kib.format(bytes / 1024)} of {kib.format(usualLimitBytes / 1024)} KiB
    </p>
  );
}
