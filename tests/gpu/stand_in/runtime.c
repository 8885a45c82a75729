/* A simulated GPU: stands in for the CUDA runtime, cuBLAS and cuFFT under the CUDA build of torch, by LD_PRELOAD.
   Memory is address space that nothing touches, kernels compute nothing, and what torch asks for is counted. So tensors
   on two devices, dtypes, launches, copies, synchronisations, memory and CUDA graphs can be tested without a GPU; numbers
   and times cannot. The environment says what the GPUs are:
     PRETENDED_GPUS=1  PRETENDED_BYTES=85899345920 of each  PRETENDED_CAPABILITY=9.0  PRETENDED_NAME="Pretended GPU" */
#define _GNU_SOURCE
#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))
#define SMALL 65536 /* copies up to this size are really made: sizes, flags, losses */

/* --- what the environment says ---------------------------------------------------------------------------------- */
static const char *text(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static int gpus(void) { return atoi(text("PRETENDED_GPUS", "1")); }
static size_t bytes_in_all(void) { return strtoull(text("PRETENDED_BYTES", "85899345920"), NULL, 10); }
static int major(void) { return atoi(text("PRETENDED_CAPABILITY", "9.0")); }
static int minor(void) {
    const char *dot = strchr(text("PRETENDED_CAPABILITY", "9.0"), '.');
    return dot ? atoi(dot + 1) : 0;
}

/* --- counters ----------------------------------------------------------------------------------------------------- */
enum { LAUNCHES, TO_GPU, FROM_GPU, INSIDE, WAITS, CLEARS, PRODUCTS, TRANSFORMS, GRAPHS, FROM_PAGEABLE, EVENT_WAITS, BYTES_TO_GPU, COUNTERS };
EXPORT unsigned long pretended_counts[COUNTERS];

static __thread int capturing; /* what a graph records does not run, so it is not counted */

static void count(int what) {
    if (!capturing) __sync_fetch_and_add(&pretended_counts[what], 1);
}

EXPORT void pretended_reset(void) { memset(pretended_counts, 0, sizeof pretended_counts); }

/* --- kernels ------------------------------------------------------------------------------------------------------ */
static __thread struct {
    dim3 grid, block;
    size_t shared;
    void *stream;
} call;

EXPORT void **__cudaRegisterFatBinary(void *binary) {
    static void *handle;
    return &handle;
}
EXPORT void __cudaRegisterFatBinaryEnd(void **handle) {}
EXPORT void __cudaUnregisterFatBinary(void **handle) {}
EXPORT char __cudaInitModule(void **handle) { return 1; }
EXPORT void __cudaRegisterVar(void **h, char *host, char *device, const char *name, int e, size_t size, int c, int g) {}
EXPORT void __cudaRegisterFunction(void **h, const char *host, char *device, const char *name, int limit, void *tid,
                                   void *bid, void *bdim, void *gdim, int *size) {}
EXPORT unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, struct CUstream_st *stream) {
    call.grid = grid, call.block = block, call.shared = shared, call.stream = stream;
    return 0;
}
EXPORT cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream) {
    *grid = call.grid, *block = call.block, *shared = call.shared, *(void **)stream = call.stream;
    return cudaSuccess;
}
EXPORT cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *function) {
    *kernel = (cudaKernel_t)function;
    return cudaSuccess;
}
static cudaError_t launched(void) {
    count(LAUNCHES);
    return cudaSuccess;
}
EXPORT void pretended_launch(void) { launched(); } /* of cuDNN: pretended_cudnn.py */
EXPORT cudaError_t __cudaLaunchKernel(cudaKernel_t k, dim3 g, dim3 b, void **a, size_t s, cudaStream_t t) { return launched(); }
EXPORT cudaError_t cudaLaunchKernel(const void *k, dim3 g, dim3 b, void **a, size_t s, cudaStream_t t) { return launched(); }
EXPORT cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *c, const void *k, void **a) { return launched(); }
EXPORT cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *data) {
    function(data);
    return cudaSuccess;
}
EXPORT cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *about, const void *function) {
    memset(about, 0, sizeof *about);
    about->maxThreadsPerBlock = 1024, about->numRegs = 32, about->binaryVersion = about->ptxVersion = 90;
    return cudaSuccess;
}
EXPORT cudaError_t cudaFuncSetAttribute(const void *f, enum cudaFuncAttribute what, int value) { return cudaSuccess; }
EXPORT cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, const void *f, int b, size_t s, unsigned o) {
    *n = 2;
    return cudaSuccess;
}

/* --- devices ------------------------------------------------------------------------------------------------------ */
static __thread int current;

EXPORT cudaError_t cudaGetDeviceCount(int *n) { return *n = gpus(), cudaSuccess; }
EXPORT cudaError_t cudaGetDevice(int *device) { return *device = current, cudaSuccess; }
EXPORT cudaError_t cudaSetDevice(int device) {
    if (device < 0 || device >= gpus()) return cudaErrorInvalidDevice;
    return current = device, cudaSuccess;
}
EXPORT cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *about, int device) {
    memset(about, 0, sizeof *about);
    snprintf(about->name, sizeof about->name, "%s", text("PRETENDED_NAME", "Pretended GPU"));
    about->totalGlobalMem = bytes_in_all(), about->major = major(), about->minor = minor();
    about->multiProcessorCount = 132, about->maxBlocksPerMultiProcessor = 32, about->warpSize = 32;
    about->maxThreadsPerBlock = 1024, about->maxThreadsPerMultiProcessor = 2048, about->regsPerBlock = 65536;
    about->sharedMemPerBlock = 49152, about->sharedMemPerBlockOptin = 232448;
    about->sharedMemPerMultiprocessor = 233472, about->l2CacheSize = 50 << 20, about->textureAlignment = 512;
    about->maxGridSize[0] = 2147483647, about->maxGridSize[1] = about->maxGridSize[2] = 65535;
    about->maxThreadsDim[0] = about->maxThreadsDim[1] = 1024, about->maxThreadsDim[2] = 64;
    about->pciBusID = device + 1, about->uuid.bytes[0] = device, about->unifiedAddressing = 1;
    return cudaSuccess;
}
EXPORT cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr which, int device) {
    struct cudaDeviceProp about;
    cudaGetDeviceProperties(&about, device);
    switch ((int)which) {
    case cudaDevAttrMaxThreadsPerBlock: return *value = about.maxThreadsPerBlock, cudaSuccess;
    case cudaDevAttrMultiProcessorCount: return *value = about.multiProcessorCount, cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor: return *value = about.major, cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor: return *value = about.minor, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock: return *value = about.sharedMemPerBlock, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return *value = about.sharedMemPerBlockOptin, cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: return *value = about.sharedMemPerMultiprocessor, cudaSuccess;
    case cudaDevAttrWarpSize: return *value = about.warpSize, cudaSuccess;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return *value = about.maxThreadsPerMultiProcessor, cudaSuccess;
    case cudaDevAttrMaxGridDimX: return *value = about.maxGridSize[0], cudaSuccess;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: return *value = about.maxGridSize[1], cudaSuccess;
    case cudaDevAttrMaxRegistersPerBlock: return *value = about.regsPerBlock, cudaSuccess;
    case cudaDevAttrL2CacheSize: return *value = about.l2CacheSize, cudaSuccess;
    case cudaDevAttrTextureAlignment: return *value = about.textureAlignment, cudaSuccess;
    default: return *value = 1, cudaSuccess;
    }
}
EXPORT cudaError_t cudaDeviceGetPCIBusId(char *id, int size, int device) {
    snprintf(id, size, "0000:%02x:00.0", device + 1);
    return cudaSuccess;
}
EXPORT cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { return *least = 0, *greatest = -5, cudaSuccess; }
EXPORT cudaError_t cudaDeviceSynchronize(void) { return count(WAITS), cudaSuccess; }
EXPORT cudaError_t cudaDriverGetVersion(int *version) { return *version = 13000, cudaSuccess; }
EXPORT cudaError_t cudaRuntimeGetVersion(int *version) { return *version = 13000, cudaSuccess; }
EXPORT cudaError_t cudaDeviceCanAccessPeer(int *can, int one, int other) { return *can = 0, cudaSuccess; }
EXPORT const char *cudaGetErrorName(cudaError_t e) { return e == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaError"; }
EXPORT const char *cudaGetErrorString(cudaError_t e) { return e == cudaErrorMemoryAllocation ? "out of memory" : "some error"; }
EXPORT cudaError_t cudaGetLastError(void) { return cudaSuccess; }
EXPORT cudaError_t cudaPeekAtLastError(void) { return cudaSuccess; }
EXPORT cudaError_t cudaGetSymbolAddress(void **address, const void *symbol) {
    static char storage[1 << 16];
    return *address = storage, cudaSuccess;
}
static int nothing(void) { return 0; }
EXPORT cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version,
                                                    unsigned long long flags, enum cudaDriverEntryPointQueryResult *result) {
    *function = (void *)nothing;
    if (result) *result = cudaDriverEntryPointSuccess;
    return cudaSuccess;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */
typedef struct {
    char *start;
    size_t bytes;
    int device;
} Block;

#define MOST_BLOCKS 200000
static Block blocks[MOST_BLOCKS], pinned[MOST_BLOCKS];
static int n_blocks, n_pinned;
static size_t used[16];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(Block *all, int *n, char *start, size_t bytes, int device) {
    int i = 0;
    while (i < *n && all[i].start) i++;
    if (i == *n) ++*n;
    all[i] = (Block){start, bytes, device};
}
static Block *find(Block *all, int n, const void *address) {
    for (int i = 0; i < n; i++)
        if (all[i].start && (char *)address >= all[i].start && (char *)address < all[i].start + all[i].bytes) return &all[i];
    return NULL;
}
static int on_gpu(const void *address) { return find(blocks, n_blocks, address) != NULL; }

EXPORT cudaError_t cudaMalloc(void **address, size_t bytes) {
    pthread_mutex_lock(&lock);
    int fits = used[current] + bytes <= bytes_in_all();
    *address = NULL;
    if (fits) {
        *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        keep(blocks, &n_blocks, *address, bytes, current);
        used[current] += bytes;
    }
    pthread_mutex_unlock(&lock);
    return fits ? cudaSuccess : cudaErrorMemoryAllocation;
}
EXPORT cudaError_t cudaFree(void *address) {
    pthread_mutex_lock(&lock);
    Block *block = find(blocks, n_blocks, address);
    if (block) {
        munmap(block->start, block->bytes);
        used[block->device] -= block->bytes;
        block->start = NULL;
    }
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}
EXPORT cudaError_t cudaHostAlloc(void **address, size_t bytes, unsigned flags) {
    if (posix_memalign(address, 4096, bytes)) return cudaErrorMemoryAllocation;
    pthread_mutex_lock(&lock);
    keep(pinned, &n_pinned, *address, bytes, -1);
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}
EXPORT cudaError_t cudaFreeHost(void *address) {
    pthread_mutex_lock(&lock);
    Block *block = find(pinned, n_pinned, address);
    if (block) block->start = NULL;
    pthread_mutex_unlock(&lock);
    free(address);
    return cudaSuccess;
}
EXPORT cudaError_t cudaHostRegister(void *address, size_t bytes, unsigned flags) { return cudaSuccess; }
EXPORT cudaError_t cudaHostUnregister(void *address) { return cudaSuccess; }
EXPORT cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *all) {
    return *all = bytes_in_all(), *free_bytes = *all - used[current], cudaSuccess;
}
EXPORT cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *about, const void *address) {
    Block *block = find(blocks, n_blocks, address);
    memset(about, 0, sizeof *about);
    about->type = block ? cudaMemoryTypeDevice : find(pinned, n_pinned, address) ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
    about->device = block ? block->device : 0;
    about->devicePointer = about->hostPointer = (void *)address;
    return cudaSuccess;
}
static void copy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    int up = kind == cudaMemcpyHostToDevice || (kind == cudaMemcpyDefault && !on_gpu(from));
    int down = kind == cudaMemcpyDeviceToHost || (kind == cudaMemcpyDefault && !on_gpu(to));
    count(up ? TO_GPU : down ? FROM_GPU : INSIDE);
    if (up && !find(pinned, n_pinned, from)) count(FROM_PAGEABLE);
    if (up) __sync_fetch_and_add(&pretended_counts[BYTES_TO_GPU], bytes);
    if (bytes <= SMALL) memcpy(to, from, bytes);
    else if (down) memset(to, 0, bytes);
}
EXPORT cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    return copy(to, from, bytes, kind), count(WAITS), cudaSuccess;
}
EXPORT cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream) {
    return copy(to, from, bytes, kind), cudaSuccess;
}
EXPORT cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                                     size_t height, enum cudaMemcpyKind kind, cudaStream_t stream) {
    return count(INSIDE), cudaSuccess;
}
EXPORT cudaError_t cudaMemcpyPeerAsync(void *to, int a, const void *from, int b, size_t bytes, cudaStream_t stream) {
    return count(INSIDE), cudaSuccess;
}
EXPORT cudaError_t cudaMemcpyToSymbol(const void *to, const void *from, size_t bytes, size_t at, enum cudaMemcpyKind kind) { return cudaSuccess; }
EXPORT cudaError_t cudaMemset(void *at, int value, size_t bytes) { return count(CLEARS), cudaSuccess; }
EXPORT cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t stream) { return count(CLEARS), cudaSuccess; }

/* --- streams, events, graphs -------------------------------------------------------------------------------------- */
static long handles = 16;
static void *handle(void) { return (void *)__sync_add_and_fetch(&handles, 16); }
static __thread cudaStream_t captured;
static __thread unsigned long long captures;
static __thread enum cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;

/* While a graph is captured a wait is an error, unless the thread asks for the relaxed mode and means another stream. */
static int may_wait(cudaStream_t stream) {
    return !capturing || (mode == cudaStreamCaptureModeRelaxed && stream != captured);
}

EXPORT cudaError_t cudaStreamCreate(cudaStream_t *stream) { return *stream = handle(), cudaSuccess; }
EXPORT cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) { return *stream = handle(), cudaSuccess; }
EXPORT cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority) { return *stream = handle(), cudaSuccess; }
EXPORT cudaError_t cudaStreamDestroy(cudaStream_t stream) { return cudaSuccess; }
EXPORT cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (!may_wait(stream)) return cudaErrorStreamCaptureUnsupported;
    return count(WAITS), cudaSuccess;
}
EXPORT cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaSuccess; }
EXPORT cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) { return cudaSuccess; }
EXPORT cudaError_t cudaStreamGetPriority(cudaStream_t stream, int *priority) { return *priority = 0, cudaSuccess; }
EXPORT cudaError_t cudaThreadExchangeStreamCaptureMode(enum cudaStreamCaptureMode *given) {
    enum cudaStreamCaptureMode before = mode;
    return mode = *given, *given = before, cudaSuccess;
}

EXPORT cudaError_t cudaEventCreate(cudaEvent_t *event) { return *event = handle(), cudaSuccess; }
EXPORT cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) { return *event = handle(), cudaSuccess; }
EXPORT cudaError_t cudaEventDestroy(cudaEvent_t event) { return cudaSuccess; }
EXPORT cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaSuccess; }
EXPORT cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) { return cudaSuccess; }
EXPORT cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) { return cudaSuccess; }
EXPORT cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (!may_wait(NULL)) return cudaErrorStreamCaptureUnsupported;
    return count(EVENT_WAITS), cudaSuccess;
}
EXPORT cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to) { return *ms = 1, cudaSuccess; }

EXPORT cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode wanted) {
    return capturing = 1, captured = stream, captures++, cudaSuccess;
}
EXPORT cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    return capturing = 0, captured = NULL, *graph = handle(), cudaSuccess;
}
static enum cudaStreamCaptureStatus capture_of(cudaStream_t stream) {
    return capturing && stream == captured ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
}
/* Newer versions of torch let a graph own the state of its random numbers. */
EXPORT cudaError_t cudaUserObjectCreate(cudaUserObject_t *object, void *held, cudaHostFn_t destroy, unsigned count, unsigned flags) {
    return *object = handle(), cudaSuccess;
}
EXPORT cudaError_t cudaUserObjectRelease(cudaUserObject_t object, unsigned count) { return cudaSuccess; }
EXPORT cudaError_t cudaGraphRetainUserObject(cudaGraph_t graph, cudaUserObject_t object, unsigned count, unsigned flags) { return cudaSuccess; }
EXPORT cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status) {
    return *status = capture_of(stream), cudaSuccess;
}
EXPORT cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, enum cudaStreamCaptureStatus *status,
                                            unsigned long long *id, cudaGraph_t *graph, const cudaGraphNode_t **nodes,
                                            const cudaGraphEdgeData **edges, size_t *n) {
    *status = capture_of(stream);
    if (id) *id = captures;
    if (graph) *graph = (cudaGraph_t)16;
    if (n) *n = 0;
    return cudaSuccess;
}
EXPORT cudaError_t cudaGraphInstantiate(cudaGraphExec_t *made, cudaGraph_t graph, unsigned long long flags) { return *made = handle(), cudaSuccess; }
EXPORT cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *made, cudaGraph_t graph, unsigned long long flags) { return *made = handle(), cudaSuccess; }
EXPORT cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *n) { return *n = 1, cudaSuccess; }
EXPORT cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) { return count(GRAPHS), cudaSuccess; }
EXPORT cudaError_t cudaGraphUpload(cudaGraphExec_t graph, cudaStream_t stream) { return cudaSuccess; }
EXPORT cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return cudaSuccess; }
EXPORT cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { return cudaSuccess; }

/* --- cuBLAS and cuFFT: every call succeeds --------------------------------------------------------------------- */
#define OK(name) EXPORT int name(void) { return 0; }
#define MAKES(name) EXPORT int name(void **made) { return *made = handle(), 0; }
#define PRODUCT(name) EXPORT int name(void) { return count(PRODUCTS), 0; }
MAKES(cublasCreate_v2) OK(cublasDestroy_v2) OK(cublasSetMathMode) OK(cublasSetPointerMode_v2) OK(cublasSetStream_v2)
OK(cublasSetWorkspace_v2) OK(cublasLtMatmulDescDestroy) OK(cublasLtMatmulDescSetAttribute)
OK(cublasLtMatmulPreferenceDestroy) OK(cublasLtMatmulPreferenceSetAttribute) OK(cublasLtMatrixLayoutDestroy)
OK(cublasLtMatrixLayoutSetAttribute) MAKES(cublasLtMatmulDescCreate) MAKES(cublasLtMatmulPreferenceCreate)
MAKES(cublasLtMatrixLayoutCreate)
EXPORT int cublasGetMathMode(void *library, int *mode) { return *mode = 0, 0; }
EXPORT int cublasGetPointerMode_v2(void *library, int *mode) { return *mode = 0, 0; }
EXPORT size_t cublasLtGetVersion(void) { return 130100; }
EXPORT int cublasLtMatmulAlgoGetHeuristic(void *l, void *o, void *a, void *b, void *c, void *d, void *p, int n, void *found, int *got) {
    memset(found, 0, 64);
    return *got = 1, 0;
}
PRODUCT(cublasGemmEx) PRODUCT(cublasGemmStridedBatchedEx) PRODUCT(cublasSgemm_v2) PRODUCT(cublasSgemmEx)
PRODUCT(cublasSgemmStridedBatched) PRODUCT(cublasSgemv_v2) PRODUCT(cublasDgemm_v2) PRODUCT(cublasDgemv_v2)
PRODUCT(cublasSdot_v2) PRODUCT(cublasDdot_v2) PRODUCT(cublasDotEx) PRODUCT(cublasDgemmStridedBatched)
PRODUCT(cublasCgemm_v2) PRODUCT(cublasLtMatmul)

OK(cufftDestroy) OK(cufftSetAutoAllocation) OK(cufftSetStream) OK(cufftSetWorkArea)
EXPORT int cufftCreate(int *plan) { return *plan = 1, 0; }
EXPORT int cufftXtExec(int plan, void *from, void *to, int direction) { return count(TRANSFORMS), 0; }
EXPORT int cufftXtMakePlanMany(int plan, int rank, long long *n, long long *ie, long long is, long long id, int it,
                               long long *oe, long long os, long long od, int ot, long long batch, size_t *bytes, int et) {
    return *bytes = 0, 0;
}
