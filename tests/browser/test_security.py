"""Nothing in a note is ever executed, and the page lives under its own strict policy."""

import re

from playwright.async_api import expect

from browser.drawing import jpeg
from browser.notebook import Api, Notebook, image_file
from browser.payloads import PAYLOADS

FIND_ACTIVE = """() => {
    const found = [];
    for (const element of document.querySelectorAll(".prose *")) {
        for (const { name, value } of element.attributes) {
            if (/^on|^style$|^srcdoc$|^formaction$|^id$|^name$/i.test(name)
                && !(name === "style" && element.tagName === "IMG" && /^--ratio/.test(value)))
                found.push(`${element.tagName} ${name}=${value}`);
            if (/^(href|src|action|data|xlink:href)$/.test(name)
                && !/^(https?:|mailto:|ircs?:|xmpp:|\\/api\\/v1\\/pictures\\/)/.test(element[name] ?? value)
                && !/^https?:|^mailto:/.test(new URL(value, location.href).href))
                found.push(`${element.tagName} ${name}=${value}`);
        }
        const active = /^(SCRIPT|IFRAME|OBJECT|EMBED|FORM|STYLE|LINK|META|BASE|SVG|MATH|VIDEO|AUDIO)$/i;
        if (active.test(element.tagName))
            found.push(element.tagName);
    }
    if (window.__ran) found.push("executed");
    return found;
}"""


async def test_no_payload_runs_in_a_published_note(notebook: Notebook, api: Api) -> None:
    assert len(PAYLOADS) > 250
    await notebook.page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) => {"
        " window.__ran = `policy: ${event.violatedDirective} ${event.blockedURI}`; });"
    )
    size = 40
    for start in range(0, len(PAYLOADS), size):
        notes = [await api.publish(payload) for payload in PAYLOADS[start : start + size]]
        await notebook.page.reload()
        await expect(notebook.notes.first).to_be_visible()
        if len(notes) > 20:
            await notebook.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        # For paper, all notes are built; then what is far away turns into words again.
        await notebook.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
        await expect(notebook.notes).to_have_count(len(notes))
        await hover_everything(notebook)
        assert await notebook.page.evaluate(FIND_ACTIVE) == []
        await notebook.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
        await hover_everything(notebook)
        assert await notebook.page.evaluate(FIND_ACTIVE) == []
        for note in notes:
            await api.delete(note)


async def hover_everything(notebook: Notebook) -> None:
    """Fires what waits for a pointer or the focus."""
    await notebook.page.evaluate(
        """() => {
            for (const element of document.querySelectorAll(".prose, .prose *")) {
                for (const name of ["mouseover", "pointerrawupdate", "focus", "toggle", "error"])
                    element.dispatchEvent(new Event(name));
            }
        }"""
    )
    await notebook.page.wait_for_timeout(200)


async def test_no_payload_runs_in_the_preview(notebook: Notebook) -> None:
    for start in range(0, len(PAYLOADS), 60):
        await notebook.text.fill("\n\n".join(PAYLOADS[start : start + 60]))
        await notebook.page.wait_for_timeout(500)
        await hover_everything(notebook)
        assert await notebook.page.evaluate(FIND_ACTIVE) == []
    await notebook.text.fill("")


async def test_a_link_with_a_script_goes_nowhere(notebook: Notebook) -> None:
    await notebook.publish("[press me](javascript:window.__ran=1) [and me](https://example.com/)")
    link = notebook.notes.first.get_by_text("press me")
    await link.click()
    assert await link.get_attribute("href") is None
    outside = notebook.notes.first.get_by_role("link", name="and me")
    await expect(outside).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(outside).to_have_attribute("target", "_blank")
    assert await notebook.page.evaluate("() => window.__ran") is None


async def test_pictures_from_elsewhere_are_links_and_tell_nobody(notebook: Notebook) -> None:
    asked: list[str] = []
    notebook.page.on("request", lambda request: asked.append(request.url))
    await notebook.publish("![a tracker](https://example.com/pixel.gif)")
    await expect(notebook.notes.first.get_by_role("link", name="a tracker")).to_be_visible()
    assert [url for url in asked if not url.startswith((notebook.url, "blob:"))] == []


async def test_the_page_is_served_with_a_strict_policy_and_keeps_it(notebook: Notebook, api: Api) -> None:
    answer = await notebook.page.goto(notebook.url)
    assert answer is not None
    policy = (await answer.all_headers())["content-security-policy"]
    assert "'unsafe" not in policy
    assert "default-src 'none'" in policy
    picture = await api.upload(jpeg(41))
    await notebook.publish(f"| a |\n|:-:|\n| b |\n\n![x]({picture['url']})")
    await notebook.choose(image_file("hills.jpg", jpeg(42), "image/jpeg"))
    await expect(notebook.text).to_have_value(re.compile("pictures"))
    await notebook.button("Edit note").click()
    await notebook.page.get_by_label("Edit note, in Markdown").press("Escape")
    await notebook.button("Use the dark theme").click()
    assert notebook.problems == []
