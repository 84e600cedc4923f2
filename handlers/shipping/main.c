#include "shipping/shipping.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &shipping_service);
}
