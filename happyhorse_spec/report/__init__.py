"""What a run tells: lines while it goes and a summary for people, JSON and JUnit for programs."""
