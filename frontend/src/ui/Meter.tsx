type Props = { label: string; value: number; most: number; words: string };

/** How much of something is used, as a bar and in words. */
export function Meter({ label, value, most, words }: Props) {
  const share = Math.min(1, most > 0 ? value / most : 0);
  return (
    <div class="meter">
      {/* biome-ignore lint/a11y/useSemanticElements: no two browsers let a <meter> be drawn alike */}
      <div
        class="meter-bar"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={most}
        aria-valuenow={Math.min(value, most)}
        aria-valuetext={words}
        data-level={share >= 0.9 ? "full" : "fine"}
        style={{ "--share": share }}
      />
      <p aria-hidden="true">{words}</p>
    </div>
  );
}
