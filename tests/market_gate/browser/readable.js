// The contrast of every text that is shown, by the colours that the browser computed; those below the limit are returned.
(() => {
  const LEAST = 4.5;
  const parse = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((each) => {
      const value = each / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [darker, brighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (brighter + 0.05) / (darker + 0.05);
  };
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && getComputedStyle(element).visibility === "visible";
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const { channels, alpha } = parse(getComputedStyle(each).backgroundColor);
      if (alpha === 1) return channels;
      if (alpha !== 0) throw new Error("half transparent");
    }
    return [255, 255, 255];
  };
  const behind = (element, style) => {
    if (!(element instanceof SVGElement)) return ground(element);
    const label = element.closest(".label");
    if (!label) return ground(element.closest("svg.strip").parentElement);
    // A label stands on the session, or has a rim of its own.
    return parse(label.matches(".plain") ? style.stroke : getComputedStyle(document.querySelector("rect.session")).fill).channels;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = { texts: 0, poor: [] };
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("title, desc, style") || !shown(element)) continue;
    const style = getComputedStyle(element);
    const front = parse(element instanceof SVGElement ? style.fill : style.color).channels;
    const found = contrast(front, behind(element, style));
    seen.texts += 1;
    if (found < LEAST) seen.poor.push(`${found.toFixed(2)} ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return seen;
})()
