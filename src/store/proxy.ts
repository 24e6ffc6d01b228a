/**
 * The proxy a URL is to be reached through, by the usual variables: `https_proxy`, `http_proxy`, `all_proxy` and
 * `no_proxy`, in lower or upper case (lower first). Undefined: no proxy.
 * `no_proxy` holds host names (a name covers its subdomains; a leading dot or `*.` changes nothing), each with an
 * optional `:port`, or `*`.
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv = process.env): URL | undefined {
  const variable = (name: string) => env[name] || env[name.toUpperCase()] || undefined;
  const proxy = variable(`${url.protocol.slice(0, -1)}_proxy`) ?? variable("all_proxy");
  if (proxy === undefined || isExcluded(url, variable("no_proxy") ?? "")) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

function isExcluded(url: URL, list: string): boolean {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*") return true;
      const [, name = "", onlyPort] = /^(.*?)(?::(\d+))?$/.exec(entry.replace(/^\*?\./, "")) ?? [];
      if (onlyPort !== undefined && onlyPort !== port) return false;
      return url.hostname === name || url.hostname.endsWith(`.${name}`);
    });
}
