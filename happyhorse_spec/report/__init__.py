"""What a run tells: lines while it goes and a summary and a page for people, JSON and JUnit for programs."""
