/**
 * The page's own scheme: `guesthouse://app/...` serves the built page and nothing else, so that it has a proper origin (storage,
 * clipboard, content policy) without a server. Pure: which address is ours, which file it means, what the page may load.
 */
export const PAGE_SCHEME = "guesthouse";
export const PAGE_ORIGIN = `${PAGE_SCHEME}://app`;

/** Inline styles are the terminal's, which writes its own sheet; scripts come from the page's files alone. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  woff2: "font/woff2",
  json: "application/json; charset=utf-8",
};

/** The file below the page's folder that an address means, with its type; undefined for everything that is not ours. */
export function pageFile(address: string): { path: string; type: string } | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.protocol !== `${PAGE_SCHEME}:` || url.host !== "app") return undefined;
  const path = url.pathname === "/" ? "index.html" : safeDecode(url.pathname.slice(1));
  if (path === undefined || !/^[\w.-]+(\/[\w.-]+)*$/.test(path) || path.split("/").includes("..")) return undefined;
  const type = types[path.slice(path.lastIndexOf(".") + 1)];
  return type === undefined ? undefined : { path, type };
}

/** Whether a frame with this address is our page and may ask for things. */
export function isOurPage(address: string): boolean {
  return address === PAGE_ORIGIN || address.startsWith(`${PAGE_ORIGIN}/`);
}

/** A route that a page may ask a window for: the console of one machine. */
export function consoleRoute(route: unknown): string | undefined {
  return typeof route === "string" && /^#\/console\/[\w%:.-]{1,128}$/.test(route) ? route : undefined;
}

function safeDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
