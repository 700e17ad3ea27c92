const CircuitBreaker = require('opossum');

const paymentOptions = {
  timeout: 3000, // a call may take three seconds
  errorThresholdPercentage: 50, /* when half of them fail */
  resetTimeout: 30 * 1000,
  rollingCountTimeout: 60_000,
  volumeThreshold: 10,
  errorFilter: (err) => { return err.status === 404; },
};

const payments = new CircuitBreaker(charge, paymentOptions);

const stock = new CircuitBreaker(async (sku) => fetchStock(sku), {
  timeout: Number(process.env.TIMEOUT) || 5000,
  resetTimeout: 10000,
  capacity: 20,
  cache: true,
  name: 'stock',
  ...shared,
});
stock.fallback(() => ({ quantity: 0 }));
