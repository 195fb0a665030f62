/** The house with a lit window: a guest is in. */
export function Logo({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden focusable="false">
      <path d="M4 15.5 16 5l12 10.5V26a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2z" fill="var(--accent)" />
      <rect x="9" y="16" width="6" height="6" rx="1" fill="#ffd66b" />
      <rect x="18" y="16" width="5.5" height="12" rx="1" fill="var(--on-accent)" opacity="0.85" />
    </svg>
  );
}
