/** Contrast of every visible text against the colour behind it; WCAG AA wants 4.5, large text 3. */
export function poorContrast(page) {
  return page.evaluate(() => {
    const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
    const lum = ([r, g, b]) =>
      [r, g, b]
        .map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (el) => {
      for (let at = el; at; at = at.parentElement) {
        const c = parse(getComputedStyle(at).backgroundColor);
        if (c.length === 3 || c[3] === 1) return c;
      }
      return [255, 255, 255];
    };
    const found = new Set();
    for (const el of document.querySelectorAll('body *')) {
      if (
        ![...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) ||
        el.checkVisibility?.() === false ||
        el.closest('.visually-hidden, .skip')
      )
        continue;
      const style = getComputedStyle(el);
      if (!style.color.startsWith('rgb')) continue;
      const [a, b] = [lum(parse(style.color)), lum(behind(el))].sort((x, y) => y - x);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < (large ? 3 : 4.5))
        found.add(`${ratio.toFixed(2)} ${el.className || el.tagName} "${el.textContent.trim().slice(0, 20)}"`);
    }
    return [...found].slice(0, 12);
  });
}
