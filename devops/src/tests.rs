//! Every route with every credential, through the application.
