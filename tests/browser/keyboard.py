"""Reaches elements with the Tab key alone and demands that the focus is visible all the way."""

MAX_TAB_STOPS = 120
DESCRIBE_FOCUS = """(wanted) => {
  const focused = document.activeElement;
  const outlines = [];
  for (let each = focused, level = 0; each && level < 3; each = each.parentElement, level += 1) {
    const { outlineStyle, outlineWidth } = getComputedStyle(each);
    outlines.push(outlineStyle !== 'none' && parseFloat(outlineWidth) > 0);
  }
  const isOnPage = focused && focused !== document.body && focused.tagName !== 'HTML';
  const isVisible = !isOnPage || outlines.includes(true);
  return [focused === wanted, isVisible, focused?.outerHTML.slice(0, 90)];
}"""


def tab_to(page, wanted, key="Tab"):
    """Press Tab until `wanted` has the focus; fail where the focus cannot be seen."""
    element = wanted.element_handle()
    for _ in range(MAX_TAB_STOPS):
        is_there, is_visible, description = page.evaluate(DESCRIBE_FOCUS, element)
        if is_there and is_visible:
            return wanted
        assert is_visible, f"the focus is not visible on {description}"
        page.keyboard.press(key)
    raise AssertionError(f"Tab never reaches {wanted}")


def press(page, wanted, key="Enter"):
    tab_to(page, wanted)
    page.keyboard.press(key)
