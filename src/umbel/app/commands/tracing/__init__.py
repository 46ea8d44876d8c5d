"""Knowledge tracing: forecasts of answers, mastery, a concept graph and what to practise next."""
