/* The CUDA driver (libcuda.so.1) of a simulated GPU: what torch and its libraries ask of it succeeds and does nothing. */
#define OK(name) \
    int name(void) { return 0; }
#define MAKES(name) \
    int name(void **made) { return *made = (void *)0x5000, 0; }

OK(cuInit) OK(cuCtxSetCurrent) OK(cuFuncGetAttribute) OK(cuFuncSetAttribute) OK(cuFuncSetCacheConfig)
OK(cuLaunchKernel) OK(cuLaunchCooperativeKernel) OK(cuLinkAddData_v2) OK(cuLinkComplete) OK(cuLinkCreate_v2)
OK(cuModuleUnload) OK(cuPointerGetAttribute) OK(cuTensorMapEncodeTiled)
MAKES(cuCtxGetCurrent) MAKES(cuDevicePrimaryCtxRetain) MAKES(cuModuleGetFunction) MAKES(cuModuleLoad)
MAKES(cuModuleLoadData) MAKES(cuModuleLoadDataEx)

int cuDeviceGet(int *device, int index) { return *device = index, 0; }
int cuDeviceGetAttribute(int *value, int which, int device) { return *value = 1, 0; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { return *flags = 0, *active = 1, 0; }
int cuGetErrorString(int error, const char **text) { return *text = "some error of the driver", 0; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n) { return *n = 2, 0; }
