# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""The page of `smime-policy report` in a real browser: Debian's chromium, without a window."""

import base64
import os
import shutil
import time

import pytest

from harness import BUILD, COMMAND, REPO, environment, must, run
from keyrings import MAKE_KEYRING
from test_report_page import hostile, keyring, line, policy, report  # noqa: F401  (fixtures)

webdriver = pytest.importorskip("selenium.webdriver", reason="python3-selenium is not installed")
pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not shutil.which("chromedriver"), reason="chromium-driver is not installed")]

# The contrast of each text with what is behind it, where it is below 4.5 (WCAG 2, level AA).
CONTRAST = """
function parts(color) { return color.match(/[0-9.]+/g).map(Number); }
function luminance(color) {
  const [r, g, b] = parts(color).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(element) {
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if (parts(color)[3] !== 0) { return color; }
  }
  return "rgb(255, 255, 255)";
}
const low = [];
for (const element of document.body.querySelectorAll("*")) {
  if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) { continue; }
  if (["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) { continue; }
  const pair = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort();
  const ratio = (pair[1] + 0.05) / (pair[0] + 0.05);
  if (ratio < 4.5) { low.push(element.tagName + "." + element.className + " " + ratio); }
}
return low;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1000,1400",
                 f"--user-data-dir={folder}"):
        options.add_argument(word)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(shutil.which("chromedriver"), env=environment(HOME=folder))
    driver = webdriver.Chrome(service=service, options=options)
    driver.set_page_load_timeout(600)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(keyring, policy, tmp_path_factory):  # noqa: F811
    path = tmp_path_factory.mktemp("page") / "page.html"
    must(report(keyring, "--html", path, policy=policy))
    return path.as_uri()


def by(browser, selector):
    return browser.find_elements("css selector", selector)


def shown(browser):
    return [one for one in by(browser, ".one") if one.is_displayed()]


def console(browser):
    return [entry["message"] for entry in browser.get_log("browser")]


def dark(browser, scheme):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                            {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def test_it_is_drawn_without_an_error(browser, page):
    browser.get(page)
    assert console(browser) == []
    assert browser.title == "S/MIME certificates"
    assert len(shown(browser)) == 5
    assert "5 of 5 certificates" in by(browser, "#count")[0].text
    text = by(browser, "main")[0].text
    for told in ("expired@example.com", "[expired]", "ask the contact", "3 refused and 1 observed", "By program"):
        assert told in text, text


def test_a_copy_of_a_hub(browser, keyring, tmp_path):  # noqa: F811
    (tmp_path / "policy.cnf").write_text("hub = service=team\n")
    must(report(keyring, "--html", tmp_path / "page.html", policy=tmp_path / "policy.cnf"))
    browser.get((tmp_path / "page.html").as_uri())
    assert by(browser, "#summary li")[0].text == (
        "A copy of the hub service=team, realm default, revision 0; last contact: never; it is stale")


def test_names_of_strangers_do_nothing(browser, page):
    browser.get(page)
    assert "document.title" in by(browser, "main")[0].text
    assert browser.title == "S/MIME certificates"
    assert len(by(browser, "script")) == 2


def test_nothing_is_loaded(browser, page):
    browser.get_log("performance")
    browser.get(page)
    asked = [entry["message"] for entry in browser.get_log("performance")
             if '"Network.requestWillBeSent"' in entry["message"]]
    assert len(asked) == 1 and page in asked[0], asked


def test_the_filter(browser, page):
    browser.get(page)
    by(browser, "#text")[0].send_keys("EXPIRED@example")
    assert [one.find_element("css selector", ".state").text for one in shown(browser)] == ["■ expired"]
    assert "1 of 5 certificates" in by(browser, "#count")[0].text
    assert [one.text for one in by(browser, "h3") if one.is_displayed()] == ["expired@example.com"]
    by(browser, "#text")[0].clear()
    by(browser, "#state")[0].send_keys("unusable")
    assert [one.find_element("css selector", ".state").text for one in shown(browser)] == ["✕ unusable"]


def test_a_link_shows_what_the_filter_hides(browser, page):
    browser.get(page)
    by(browser, "#text")[0].send_keys("expired@example")
    link = next(one for one in by(browser, "#chains a") if one.text == "good_rsa@example.com")
    browser.execute_script("arguments[0].click()", link)
    target = by(browser, link.get_attribute("href").split(page)[1].replace("#", "[id='") + "']")[0]
    assert target.is_displayed() and len(shown(browser)) == 5


def test_chains_are_a_tree(browser, page):
    browser.get(page)
    above = browser.execute_script(
        "const link = [...document.querySelectorAll('#chains a')].find(a => a.textContent === 'good_rsa@example.com');"
        "return link.closest('ul').closest('li').querySelector('summary').textContent")
    assert "usable" in above and "certificate" in above
    assert by(browser, "#chains > ul > li > details")[0].get_attribute("open") is not None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser, page, scheme):
    dark(browser, scheme)
    browser.get(page)
    assert browser.execute_script(CONTRAST) == []
    assert browser.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    dark(browser, "light")


def test_a_screen_reader_finds_its_way(browser, page):
    """Of the tree that the browser gives to a screen reader."""
    browser.get(page)
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", ""))
             for node in browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
             if not node["ignored"] and "role" in node]
    roles = [role for role, _ in nodes]
    assert roles.count("main") == roles.count("banner") == roles.count("search") == roles.count("status") == 1
    assert [name for role, name in nodes if role == "region"] == [
        "Summary", "What expires next", "Certificates by address", "Chains", "Refused in the last 30 days"]
    assert [name for role, name in nodes if role in ("searchbox", "combobox")] == ["Search", "State", "Role"]
    assert all(name for role, name in nodes if role in ("link", "heading", "article", "table")), nodes
    levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:]))


def test_the_keyboard_reaches_everything(browser, page):
    browser.get(page)
    reached = []
    for _ in range(6):
        browser.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Tab", "windowsVirtualKeyCode": 9})
        reached.append(browser.execute_script("return document.activeElement.id || document.activeElement.className "
                                              "|| document.activeElement.tagName"))
    assert reached[0] == "skip" and by(browser, ".skip")[0].is_displayed() is False or "text" in reached, reached


def test_it_prints(browser, page):
    browser.get(page)
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not by(browser, "#filter")[0].is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_ten_thousand(browser, tmp_path):
    """Each key stroke in the filter is answered before the next is typed; the figures are printed, not judged."""
    (tmp_path / "many.pem").write_bytes(run(BUILD / "tests" / "keyring" / "make_contacts", "10000").out)
    must(run(COMMAND, "--keyring", tmp_path / "keyring", "upload", tmp_path / "many.pem"))
    start = time.monotonic()
    must(run(COMMAND, "--keyring", tmp_path / "keyring", "report", "--html", tmp_path / "page.html"))
    made = time.monotonic() - start
    start = time.monotonic()
    browser.get((tmp_path / "page.html").as_uri())
    drawn = time.monotonic() - start
    assert "10000 of 10000" in by(browser, "#count")[0].text
    stroke = browser.execute_script(
        "const text = document.getElementById('text'), start = performance.now();"
        "text.value = 'contact0000004242'; text.dispatchEvent(new Event('input', {bubbles: true}));"
        "document.body.offsetHeight; return performance.now() - start")
    assert len(browser.execute_script("return [...document.querySelectorAll('.one')].filter(e => e.offsetParent)")) == 1
    assert console(browser) == []
    print(f"10,000 certificates: made in {made:.1f} s, {(tmp_path / 'page.html').stat().st_size / 1e6:.1f} MB, "
          f"drawn in {drawn:.1f} s, a key stroke in {stroke:.0f} ms")


def issue(folder, name, since, days, usage, issuer=None, purpose="emailProtection"):
    """A certificate as a CA would make it, from the day |since| on."""
    extensions = [f"subjectAltName=email:{name}@example.org", f"extendedKeyUsage={purpose}",
                  f"keyUsage=critical,{usage}", f"basicConstraints=critical,CA:{'FALSE' if issuer else 'TRUE'}"]
    signer = ("-CA", folder / f"{issuer}.pem", "-CAkey", folder / f"{issuer}.key") if issuer else ()
    must(run("faketime", "-f", f"{since} 12:00:00", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name.capitalize()}", "-days", str(days), *signer,
             *(word for text in extensions if issuer or "keyUsage" in text or "basic" in text for word in ("-addext", text)),
             "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", conf="/dev/null"))
    return folder / f"{name}.pem"


@pytest.mark.skipif("SP_UPDATE_SCREENSHOT" not in os.environ, reason="SP_UPDATE_SCREENSHOT=1 takes the picture anew")
def test_the_picture_of_the_documents(browser, tmp_path):
    """Writes docs/use/report.png."""
    usage = "digitalSignature,keyAgreement"
    ca = issue(tmp_path, "team CA", "2025-01-01", 1500, "keyCertSign")
    people = [issue(tmp_path, *about, usage, "team CA") for about in (
        ("alice", "2026-01-10", 700), ("bob", "2024-02-01", 730), ("carol", "2025-06-20", 365), ("dora", "2026-07-01", 365))]
    server = issue(tmp_path, "erin", "2026-01-01", 365, usage, "team CA", "serverAuth")
    must(run("faketime", "-f", "2026-02-01 12:00:00", MAKE_KEYRING, tmp_path / "keyring", f"ca:{ca}",
             *(f"contact:{one}" for one in (*people, server)), conf="/dev/null"))
    (tmp_path / "log").write_text("".join(
        line(day, "refused", program, rule, name) for day, program, rule, name in (
            ("2026-05-20", "php", "expired", "CN=Bob"), ("2026-05-29", "openssl", "expired", "CN=Bob"),
            ("2026-05-29", "php", "key-usage", "CN=Erin"))))
    (tmp_path / "policy.cnf").write_text(f"decision_log = {tmp_path}/log\n")
    must(report(tmp_path / "keyring", "--html", tmp_path / "page.html", policy=tmp_path / "policy.cnf"))
    browser.set_window_size(1000, 1100)
    browser.get((tmp_path / "page.html").as_uri())
    browser.execute_script("document.getElementById('about').textContent = 'Keyring /srv/mail/keyring, 2026-06-01T12:00:00Z.'")
    browser.save_screenshot(str(REPO / "docs" / "use" / "report.png"))
