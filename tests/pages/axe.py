"""What axe, which reads a page as those who cannot see it do, finds in one."""

from axe_playwright_python.sync_playwright import Axe


def require_nothing_of_axe(page):
    """Axe finds nothing in the page, closed and opened, in the light and in the dark, where colours alone differ.

    Axe needs a place in the page that the page itself allows to nobody: `opened` with `bypass_csp`.
    """
    colours = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
    for is_open in (False, True):
        page.evaluate("is => document.querySelectorAll('details').forEach(each => each.open = is)", is_open)
        for scheme, rules in (("light", {}), ("dark", colours)):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page, options={"resultTypes": ["violations"], **rules})
            assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
