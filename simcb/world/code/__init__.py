"""Users' own asynchronous code as a client group, on the run's clock."""
