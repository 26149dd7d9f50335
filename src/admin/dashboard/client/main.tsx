import { render } from 'preact';
import { Dashboard } from './dashboard.js';
import { Page } from './page.js';

const place = document.getElementById('page');
if (place !== null) {
  const dashboard = new Dashboard((picture) => {
    render(<Page dashboard={dashboard} picture={picture} />, place);
  });
  dashboard.start();
}
