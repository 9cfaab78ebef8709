"""What a call is: arguments bound to a signature, under the code that runs."""
