"""How long keys and scrolling take in a large notebook: measured and printed, not judged.

`make test ARGS="-s tests/browser/bench_page.py"` on a machine that does nothing else.
"""

from playwright.async_api import expect

from browser.notebook import Api, Notebook


async def test_time_of_a_key_in_100_kb(notebook: Notebook) -> None:
    paragraph = (
        "Words *and* more **words** with a [link](https://example.com) and `code`.\n\n- one\n- two\n\n"
    )
    # Chromium itself takes a minute to insert so many lines by key: this is how a paste arrives.
    await notebook.text.evaluate(
        """(area, text) => {
            area.value = text;
            area.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        (paragraph * 1200)[:100_000],
    )
    await expect(notebook.page.get_by_role("region", name="Preview")).to_contain_text("Words and more words")
    await notebook.page.evaluate(
        """() => {
            window.keys = [];
            new PerformanceObserver((list) => {
                for (const { name, duration } of list.getEntries())
                    if (name === "keydown") window.keys.push(duration);
            }).observe({ type: "event", durationThreshold: 16 });
            window.handled = [];
            const area = document.querySelector("textarea");
            let began = 0;
            area.addEventListener("keydown", () => { began = performance.now(); }, true);
            area.addEventListener("input", () => {
                const at = began;
                window.handled.push(performance.now() - at);
            });
        }"""
    )
    await notebook.text.press("Control+Home")
    await notebook.text.press_sequentially(
        "typing goes on and on and is never held up by anything " * 3, delay=45
    )
    handled = sorted(await notebook.page.evaluate("() => window.handled"))
    assert len(handled) >= 160
    median, p99 = handled[len(handled) // 2], handled[int(len(handled) * 0.99)]
    print(f"\nkey handled: median {median:.1f} ms, p99 {p99:.1f} ms")


async def test_time_of_a_frame_over_three_hundred_notes(notebook: Notebook, api: Api) -> None:
    await api.publish_many(300, "# Note {number}\n\nSome words in a paragraph, *as people write them*.")
    await notebook.page.reload()
    for _ in range(200):
        await notebook.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        await notebook.page.wait_for_timeout(80)
        if await notebook.page.get_by_text("That is everything").is_visible():
            break
    await expect(notebook.notes).to_have_count(300)
    longest = await notebook.page.evaluate(
        """async () => {
            scrollTo(0, 0);
            let longest = 0;
            let last = performance.now();
            for (let frame = 0; frame < 120; frame += 1) {
                scrollBy(0, 900);
                await new Promise(requestAnimationFrame);
                const now = performance.now();
                if (frame > 5) longest = Math.max(longest, now - last);
                last = now;
            }
            return longest;
        }"""
    )
    print(f"\nlongest frame while scrolling: {longest:.0f} ms")
