"""Knowledge tracing: answer logs to a forecast of correctness, mastery, a concept graph and what to do next.

In theory one binary task per concept, of which one has a known label at each step; here one task ``correct``
over a student's steps, with the concepts as side inputs and as groups of scores.
"""
