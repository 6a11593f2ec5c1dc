import { LabIcon } from '@jupyterlab/ui-components';

function icon(name: string, path: string): LabIcon {
  return new LabIcon({
    name: `datalab:${name}`,
    svgstr:
      '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
      `<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="${path}"/></svg>`
  });
}

/** A cylinder of three discs: databases, and the panel itself. */
export const databaseIcon = icon(
  'database',
  'M12 2C7 2 3 3.8 3 6v12c0 2.2 4 4 9 4s9-1.8 9-4V6c0-2.2-4-4-9-4zm0 2c4.4 0 7 1.4 7 2s-2.6 2-7 2-7-1.4-7-2 2.6-2 7-2z' +
    'M5 8.5C6.600 9.400 9.100 10 12 10s5.400-.6 7-1.500V12c0 .6-2.600 2-7 2s-7-1.400-7-2V8.500z' +
    'M5 14.500C6.600 15.400 9.100 16 12 16s5.400-.6 7-1.500V18c0 .6-2.600 2-7 2s-7-1.400-7-2v-3.500z'
);

const bucketIcon = icon(
  'bucket',
  'M3 4h18l-2.200 16.300c-.1 1-1 1.700-2 1.700H7.200c-1 0-1.900-.7-2-1.700L3 4zm2.300 2l.5 4h12.400l.5-4H5.300zm.8 6l1.100 8h9.600l1.100-8H6.100z'
);

const webIcon = icon(
  'web',
  'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm6.900 6h-2.900a15 15 0 0 0-1.400-3.600A8 8 0 0 1 18.900 8z' +
    'M12 4c.8 1.200 1.500 2.500 1.900 4h-3.800c.4-1.500 1.100-2.800 1.900-4zM4.300 14a8 8 0 0 1 0-4h3.400a17 17 0 0 0 0 4H4.300z' +
    'M5.100 16H8c.3 1.300.8 2.500 1.400 3.600A8 8 0 0 1 5.100 16zM8 8H5.100a8 8 0 0 1 4.300-3.600C8.800 5.500 8.300 6.700 8 8z' +
    'M12 20c-.8-1.200-1.500-2.500-1.900-4h3.800c-.4 1.500-1.100 2.800-1.900 4zm2.300-6H9.700a15 15 0 0 1 0-4h4.700a15 15 0 0 1 0 4z' +
    'M14.600 19.600c.6-1.100 1.100-2.300 1.400-3.600h2.900a8 8 0 0 1-4.300 3.600zM16.400 14a17 17 0 0 0 0-4h3.400a8 8 0 0 1 0 4h-3.400z'
);

const keyIcon = icon(
  'key',
  'M12.700 10A6 6 0 1 0 12.700 14H16v4h4v-4h2v-4h-9.300zM7 14a2 2 0 1 1 0-4 2 2 0 0 1 0 4z'
);

const KINDS: Record<string, LabIcon> = { s3: bucketIcon, http: webIcon, static: keyIcon };

/** Return the icon of a kind of source. */
export function iconOf(kind: string): LabIcon {
  return KINDS[kind] ?? databaseIcon;
}
