import { type RefObject, useEffect, useState } from "react";

export interface ViewSize {
  width: number;
  height: number;
  devicePixelRatio: number;
}

/** The size of an element in CSS pixels and the density of its display, kept up to date. */
export function useElementSize(ref: RefObject<HTMLElement | null>): ViewSize {
  const [size, setSize] = useState<ViewSize>({ width: 0, height: 0, devicePixelRatio: 1 });
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const measure = () =>
      setSize({ width: element.clientWidth, height: element.clientHeight, devicePixelRatio: window.devicePixelRatio });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    // Zooming, or moving to another display, changes the density without necessarily changing the size.
    addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      removeEventListener("resize", measure);
    };
  }, [ref]);
  return size;
}
