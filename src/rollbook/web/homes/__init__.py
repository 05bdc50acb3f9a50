"""The screens of those who look after no imports: their own classes, their children's, or what their rights allow."""
