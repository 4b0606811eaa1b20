/** Browsers may forbid a page to store anything: then memory has to do, for as long as the page is open. */

export function memory(): Storage {
  const values = new Map<string, string>();
  return {
    get length() {
      return values.size;
    },
    key: (index) => [...values.keys()][index] ?? null,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
    clear: () => values.clear(),
  };
}

function allowed(open: () => Storage): Storage {
  try {
    return open();
  } catch {
    return memory();
  }
}

export const lasting = allowed(() => localStorage);
export const ofThisTab = allowed(() => sessionStorage);
