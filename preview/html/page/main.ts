import { revealTargets } from './deep-links';
import { startFilters } from './filters';
import { openForPrint } from './print';
import { startTheme } from './theme';

startTheme();
startFilters();
revealTargets();
openForPrint();
