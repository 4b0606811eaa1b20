"""The screens around accounts as a person meets them."""

from playwright.async_api import Locator, Page, expect

from servers.stack import ADA, Person


def field(page: Page, label: str) -> Locator:
    """A field by exactly its label."""
    return page.get_by_label(label, exact=True)


async def fill_in(page: Page, person: Person) -> None:
    """Types name and password into the form on the page."""
    await field(page, "Name").fill(person.name)
    await field(page, "Password").fill(person.password)


async def sign_in_by_hand(page: Page, person: Person = ADA) -> None:
    """Signs in on the screen that is there."""
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await fill_in(page, person)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def open_menu(page: Page) -> Locator:
    """The menu of who is signed in, open."""
    button = page.get_by_role("button", name="Account of")
    await button.click()
    await expect(button).to_have_attribute("aria-expanded", "true")
    return page.locator(".menu-sheet")
