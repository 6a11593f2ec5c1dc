import { LabIcon } from '@jupyterlab/ui-components';

/** Stages that hand on to each other: two that give to a third. */
export const pipelineIcon = new LabIcon({
  name: 'datalab:pipeline',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <circle cx="5.5" cy="5.5" r="3"/><circle cx="5.5" cy="18.5" r="3"/><circle cx="18.5" cy="12" r="3"/>
    <path d="M8 4.6c5 .2 6.800 2.200 8.200 4.700l-1.700 1c-1.200-2.100-2.500-3.600-6.600-3.700z
     M8 19.400c5-.2 6.800-2.200 8.200-4.700l-1.700-1c-1.200 2.100-2.500 3.600-6.600 3.700z"/>
  </g>
</svg>`
});
