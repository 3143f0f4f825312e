// Icons of the panels, drawn with strokes in the text's colour, 14 units square as GraphiQL's own.

const icon = (name, ...paths) => {
  const Icon = (props) => (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" {...props}>
      {paths.map((d) => (
        <path key={d} d={d} />
      ))}
    </svg>
  );
  return Object.assign(Icon, { displayName: name });
};

export const CallsIcon = icon('Calls', 'M3 5h9', 'M7 10h10', 'M10 15h6', 'M14 20h7');
export const DataQualityIcon = icon('DataQuality', 'M4 4h16v16H4z', 'M4 10h16', 'M10 10v10', 'M14 14l3 3m0-3l-3 3');
export const ErrorsIcon = icon('Errors', 'M12 3l10 18H2z', 'M12 10v5', 'M12 18v.2');
export const WhoAmIIcon = icon('WhoAmI', 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8', 'M4 21c0-4 4-6 8-6s8 2 8 6');
export const EventsIcon = icon('Events', 'M5 12a7 7 0 0 1 7-7', 'M12 19a7 7 0 0 0 7-7', 'M12 12h.1', 'M2 12a10 10 0 0 1 10-10', 'M12 22a10 10 0 0 0 10-10');
export const SandboxIcon = icon('Sandbox', 'M4 7h9', 'M17 7h3', 'M15 5v4', 'M4 17h3', 'M11 17h9', 'M9 15v4');
export const OperationsIcon = icon('Operations', 'M12 8v4l3 2', 'M12 3a9 9 0 1 0 9 9', 'M17 4l3 2-1 3');
export const ExamplesIcon = icon('Examples', 'M8 6h12', 'M8 12h12', 'M8 18h12', 'M4 6h.1', 'M4 12h.1', 'M4 18h.1');
export const ShareIcon = icon('Share', 'M12 15V3', 'M8 7l4-4 4 4', 'M5 12v8h14v-8');
export const CopyIcon = icon('Copy', 'M9 9h11v11H9z', 'M5 15H4V4h11v1');
